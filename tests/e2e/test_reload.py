# SPDX-License-Identifier: MIT
"""Reload: files are saved, right and wrong ones, while clients look at what the server answers."""

from __future__ import annotations

import os
import re
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from fastcorn.config.errors import ConfigError
from fastcorn.server import Server
from tests.e2e.command import Command, run_to_end, running
from tests.load import FRESH, REUSED, Load
from tests.loops import LIMIT_SECONDS

if sys.platform == "win32":
    pytest.skip("Windows has no fork", allow_module_level=True)

# A graceful timeout that no test lives to see: what ends, ends for another reason.
ARGUMENTS = ["--bind", "127.0.0.1:0", "--reload", "--reload-delay", "50ms", "--graceful-timeout", "600"]

APPLICATION = """
import asyncio

ANSWER = "{answer}"

def noted(event):
    print("hook", event.name, ANSWER, event.reason, flush=True)

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({{"type": "lifespan.startup.complete"}})
        await send({{"type": "lifespan.shutdown.complete"}})
        return
    if scope["type"] == "websocket":
        await receive()
        await send({{"type": "websocket.accept"}})
        while True:  # deaf to the end
            await asyncio.sleep(600)
    query = scope["query_string"].decode()
    body = (scope["path"] + "?" + query if query else ANSWER).encode()
    if scope["path"] == "/events":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        while True:
            await send({{"type": "http.response.body", "body": b"data: tick\\n\\n", "more_body": True}})
            await asyncio.sleep(0.01)
    await send({{"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}})
    await send({{"type": "http.response.body", "body": body}})
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    save(tmp_path, "one")
    return tmp_path


def save(directory: Path, answer: str, before: str = "") -> None:
    """Saves the application as editors do: whole, by another file that is moved into its place."""
    write(directory / "main.py", before + APPLICATION.format(answer=answer))


def write(path: Path, text: str) -> None:
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


class Served:
    """A running command and its address."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.out = ""
        self.url = command.url()
        self.port = int(self.url.rpartition(":")[2])

    def get(self) -> tuple[str, dict[str, str]]:
        with urllib.request.urlopen(self.url, timeout=LIMIT_SECONDS) as answer:
            return answer.read().decode(), dict(answer.headers)

    def wait_for_answer(self, wanted: str) -> None:
        ends = time.monotonic() + LIMIT_SECONDS
        while (answer := self.get()[0]) != wanted:
            assert time.monotonic() < ends, f"the answer stays {answer!r}"
            time.sleep(0.002)

    # A worker that was replaced may accept a connection more before it ends: wait for its end where that matters.

    def wait_replaced(self, times: int) -> None:
        self.wait_for_lines("changed: the worker is replaced", times)

    def wait_for_lines(self, text: str, times: int) -> None:
        ends = time.monotonic() + LIMIT_SECONDS
        while self.command.err.count(text) < times:
            assert time.monotonic() < ends, f"{self.command.err.count(text)} lines with {text!r}"
            time.sleep(0.002)


@contextmanager
def serving(directory: Path, *arguments: str) -> Iterator[Served]:
    with running(["main:app", *ARGUMENTS, *arguments], directory) as command:
        try:
            served = Served(command)
            command.wait_for("Watching ")
            yield served
            command.signal(signal.SIGTERM)
            assert command.wait() == 0
            served.out = command.out()
            assert "Traceback" not in command.err
        except BaseException:
            print(command.err)
            raise


@pytest.mark.parametrize("way", [[], ["--reload-poll"]])
def test_saved_file_is_served(directory: Path, way: list[str]) -> None:
    with serving(directory, *way) as served:
        assert served.get()[0] == "one"
        save(directory, "two")
        served.wait_for_answer("two")
        served.command.wait_for(r"main\.py changed: replacing the worker")
        save(directory, "six")
        served.wait_for_answer("six")


def test_new_files_and_templates_reload(directory: Path) -> None:
    with serving(directory, "--reload-include", "*.css", "--reload-exclude", "no*") as served:
        for number, name in enumerate(("new.py", "page.html", "style.css"), 1):
            (directory / "no.py").write_text("")
            (directory / "data.json").write_text("")
            (directory / name).write_text("")
            served.command.wait_for(rf"\] {re.escape(name)} changed: replacing the worker")
            served.wait_replaced(number)
        assert "no.py" not in served.command.err
        assert "data.json" not in served.command.err


def test_syntax_error_leaves_the_last_good_version(directory: Path) -> None:
    with serving(directory) as served:
        write(directory / "main.py", "def broken(:\n")
        served.command.wait_for("SyntaxError: invalid syntax")
        served.command.wait_for("main.py changed failed; the workers from before go on")
        assert served.get()[0] == "one"
        save(directory, "two")
        served.wait_for_answer("two")


def test_newer_change_does_not_wait_for_an_older_one(directory: Path) -> None:
    hanging = 'import sys, time\nprint("hangs", file=sys.stderr, flush=True)\ntime.sleep(600)\n'
    with serving(directory) as served:
        save(directory, "two", before=hanging)
        served.command.wait_for("hangs")
        assert served.get()[0] == "one"
        save(directory, "six")
        served.wait_for_answer("six")
        served.command.wait_for("there is a newer change")
        served.wait_replaced(1)
        save(directory, "ten")
        served.wait_for_answer("ten")


UPGRADE = b"upgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n"
KEY = b"sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"


def test_streams_and_websockets_end_with_their_worker(directory: Path) -> None:
    with (
        serving(directory) as served,
        socket.create_connection(("127.0.0.1", served.port), LIMIT_SECONDS) as stream,
        socket.create_connection(("127.0.0.1", served.port), LIMIT_SECONDS) as websocket,
    ):
        stream.sendall(b"GET /events HTTP/1.1\r\nhost: x\r\n\r\n")
        assert stream.recv(1000)
        websocket.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n" + UPGRADE + KEY + b"\r\n")
        assert websocket.recv(1000).startswith(b"HTTP/1.1 101 ")
        save(directory, "two")
        served.wait_for_answer("two")
        until_end(stream)
        closing = until_end(websocket)
        # 1012, service restart; nothing, if a worker that stood still for its second was killed
        assert (closing[:1], closing[2:4]) in ((b"\x88", b"\x03\xf4"), (b"", b""))
        served.command.wait_for(r"has ended after .* main\.py changed")


def until_end(client: socket.socket) -> bytes:
    """What comes until the server closes a connection, or cuts it."""
    data = b""
    try:
        while more := client.recv(65536):
            data += more
    except ConnectionError:
        pass
    return data


def test_configuration_is_read_again(directory: Path) -> None:
    (directory / "conf").mkdir()
    file = directory / "conf" / "fastcorn.toml"
    write(file, 'server_header = "one"')
    with serving(directory, "--config", "conf/fastcorn.toml", "--reload-dir", "conf") as served:
        assert served.get()[1]["server"] == "one"
        write(file, 'server_header = "two"\nworker = 4')
        served.command.wait_for("there is no setting 'worker'; did you mean workers")
        served.command.wait_for("fastcorn.toml changed failed; the workers from before go on")
        assert served.get()[1]["server"] == "one"
        write(file, 'server_header = "two"\non_reload = "none:hook"')
        served.command.wait_for("(?s)on_reload.*'none:hook' cannot be imported")
        write(file, 'server_header = "two"\nerrorlog = "none/error.log"')
        served.command.wait_for("cannot write 'none/error.log'")
        write(file, 'server_header = "two"')
        served.wait_for_lines("has ended after", 1)
        assert served.get()[1]["server"] == "two"
        assert served.get()[0] == "one"
        save(directory, "two")
        served.wait_for_answer("two")


def test_hooks_in_the_application_do_not_keep_it_from_changing(directory: Path) -> None:
    with serving(directory, "--on-reload", "main:noted", "--on-exit", "main:noted", "--preload") as served:
        save(directory, "two")
        served.wait_for_answer("two")
        served.wait_for_lines("has ended after", 1)
        write(directory / "main.py", "def broken(:\n")
        served.command.wait_for("main.py changed failed; the workers from before go on")
        assert served.get()[0] == "two"
        save(directory, "ten")
        served.wait_for_answer("ten")
        served.wait_replaced(2)
    assert "hook on_reload one main.py changed" in served.out
    assert "hook on_reload two main.py changed" in served.out
    assert "hook on_exit ten None" in served.out


def test_missing_directory_is_a_mistake(directory: Path) -> None:
    code, _, err = run_to_end(["main:app", *ARGUMENTS, "--reload-dir", "none"], directory)
    assert code == 2
    assert "reload_dirs" in err
    assert "'none' does not exist" in err


def children(pid: int) -> list[int]:
    return [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="needs /proc")
def test_fifty_reloads_leave_nothing_behind(directory: Path) -> None:
    with serving(directory, "--reload-delay", "1ms") as served:
        pid = served.command.process.pid
        before = sorted(os.readlink(entry.path).partition(":")[0] for entry in os.scandir(f"/proc/{pid}/fd"))
        with Load(("127.0.0.1", served.port), {REUSED: 2, FRESH: 2}) as load:
            for number in range(1, 51):
                save(directory, str(number))
                served.wait_for_answer(str(number))
            load.wait_for(50)
            served.wait_for_lines("has ended after", 50)
            load.stop()
        assert load.lost() == []
        assert len(children(pid)) == 2
        after = sorted(os.readlink(entry.path).partition(":")[0] for entry in os.scandir(f"/proc/{pid}/fd"))
        assert after == before


def test_application_object_cannot_be_reloaded() -> None:
    async def app(scope: object, receive: object, send: object) -> None: ...

    with pytest.raises(ConfigError, match=r"use_reloader: needs the application as a text"):
        Server(app, use_reloader=True).run()


def test_single_process_cannot_be_reloaded(directory: Path) -> None:
    code, _, err = run_to_end(["main:app", *ARGUMENTS, "--workers", "0"], directory)
    assert code == 2
    assert "use_reloader: needs a worker process that can be replaced; set workers to 1" in err
