# SPDX-License-Identifier: MIT
"""The attacks of the benchmark: their frames, their pace, and the client that reads what comes back."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from bench import attack_clients, attack_frames, attacks
from bench.attack_frames import ATTACKS, PING, Attack, frame
from bench.errors import BenchError
from bench.results import Row


def kinds_of(data: bytes) -> list[int]:
    """The types of the frames in data, which must hold whole frames only."""
    kinds = []
    while data:
        word, _flags, _stream = struct.unpack_from("!IBI", data)
        kinds.append(word & 255)
        assert len(data) >= 9 + (word >> 8), "a frame is cut short"
        data = data[9 + (word >> 8) :]
    return kinds


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_pieces_are_whole_frames(attack: Attack) -> None:
    kinds_of(attack.opening)
    for index in (0, 1, 2, attack.pieces - 1):
        piece = attack.piece(index)
        assert len(kinds_of(piece)) == attack.frames
        assert all(len(part) <= attack_frames.FRAME_BYTES + 9 for part in [piece] if attack.frames == 1)


@pytest.mark.parametrize(
    ("value", "encoded"), [(10, b"\x0a"), (31, b"\x1f\x00"), (1337, b"\x1f\x9a\x0a")], ids=["fits", "edge", "RFC"]
)
def test_numbers_are_those_of_rfc_7541(value: int, encoded: bytes) -> None:
    assert attack_frames.number(0, 5, value) == encoded


def test_a_chunk_ends_with_a_ping_where_one_may_come() -> None:
    for attack in ATTACKS:
        chunks = list(attack_clients.chunks_of(attack))
        assert sum(frames for _chunk, frames in chunks) == attack.pieces * attack.frames
        assert all(
            (kinds_of(chunk)[-1] == PING) is (attack.paced or attack.name.startswith("ping")) for chunk, _ in chunks[:3]
        )


def test_attacks_are_chosen_by_name() -> None:
    assert attack_frames.choose_attacks(None) == list(ATTACKS)
    assert [attack.name for attack in attack_frames.choose_attacks(["ping", "streams", "ping"])] == ["ping", "streams"]
    with pytest.raises(BenchError, match="unknown attack 'pong'; known are rapid-reset"):
        attack_frames.choose_attacks(["pong"])


def test_the_reader_takes_bytes_as_they_come() -> None:
    data = (
        frame(4, 0, 0) + frame(1, 5, 1, b"\x88") + frame(1, 4, 3, b"\x88") + frame(0, 1, 3, b"hello")
        + frame(6, 0, 0, b"12345678") + frame(6, 1, 0, attack_clients.PACE) + frame(7, 0, 0, struct.pack("!II", 3, 11))
    )  # fmt: skip
    for step in (1, 7, len(data)):
        reader = attack_clients.FrameReader()
        for at in range(0, len(data), step):
            reader.feed(data[at : at + step])
        assert (reader.ended, reader.pongs, reader.code) == (2, 1, 11)
        assert reader.replies == frame(4, 1, 0) + frame(6, 1, 0, b"12345678")


@contextlib.contextmanager
def stand_in(allowed: int) -> Iterator[int]:
    """A server that answers PING and HEADERS, and ends a connection after `allowed` frames with ENHANCE_YOUR_CALM."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(30)
            stream = connection.makefile("rb")
            stream.read(len(attack_frames.PREFACE))
            for _ in range(allowed):
                header = stream.read(9)
                if len(header) < 9:
                    return
                word, flags, number = struct.unpack("!IBI", header)
                payload = stream.read(word >> 8)
                if word & 255 == PING and not flags & 1:
                    connection.sendall(frame(PING, 1, 0, payload))
                elif word & 255 == 1:
                    connection.sendall(frame(1, 5, number, b"\x88"))
            connection.sendall(frame(7, 0, 0, struct.pack("!II", 0, 11)))

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                threading.Thread(target=serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def test_an_attack_counts_frames_and_ends() -> None:
    log: Any = SimpleNamespace(look=lambda: None)
    with stand_in(allowed=300) as port:
        attacker = attack_clients.Attacker(port, next(attack for attack in ATTACKS if attack.name == "unknown"))
        for _ in range(3):
            attacker.attack(time.monotonic() + 30, log)
    assert set(attacker.ends) <= {"ENHANCE_YOUR_CALM", "closed"}  # a reset may overtake the GOAWAY
    assert sum(attacker.ends.values()) == len(attacker.frames) == 3
    assert attacker.sent > 0


def test_an_honest_client_is_answered_until_the_server_ends_it() -> None:
    with stand_in(allowed=60) as port:
        client = attack_clients.HonestClient(port)
        client.ask(10)
        client.ask(10)
        with pytest.raises(BenchError, match="it ended an honest connection: GOAWAY 11"):
            client.ask(100)
        client.reopen()
        client.ask(1)
        client.close()


def test_costs_are_held_against_others() -> None:
    rows: dict[str, Row] = {name: {attacks.COST: cost} for name, cost in (("fastcorn", 2.0), ("fastcorn-h2", 20.0))}
    rows["hypercorn"] = {"error": "out of order"}
    attacks.add_ratios(rows)
    assert [row.get("to_h2") for row in rows.values()] == [0.1, 1.0, None]
    assert [row.get("to_granian") for row in rows.values()] == [None, None, None]
