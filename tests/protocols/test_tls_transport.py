# SPDX-License-Identifier: MIT
"""TLSTransport: handshakes and their ends, reading, writing and closing, with a client in memory.

Only what TLS adds; that the same connection runs on it is what tests/asgi shows, which also runs over TLS.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from typing import Any

import pytest

from tests.applications import Recorder, answering, body, echo, path_echo, start
from tests.exchanges import Receive, Scope, Send
from tests.secure import CERTIFICATE, SecureClient, SecureHttp2Client, client_context, server_context
from tests.serving import Serve

GET = b"GET /%d HTTP/1.1\r\nhost: testserver\r\n\r\n"
VERSIONS = pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])


class Above:
    """A protocol that notes what it is told.

    Args:
        keeps: what eof_received() returns.
    """

    def __init__(self, keeps: bool = False) -> None:
        self.keeps = keeps
        self.calls: list[Any] = []
        self.transport: Any = None
        self.context: Any = None

    def __call__(self, context: Any) -> Above:
        self.context = context
        return self

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def connection_lost(self, error: Exception | None) -> None:
        self.calls.append("lost")

    def data_received(self, data: bytes) -> None:
        self.calls.append(data)

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return self.keeps

    def pause_writing(self) -> None:
        self.calls.append("pause")

    def resume_writing(self) -> None:
        self.calls.append("resume")


def raw(serve: Serve, above: Above, **options: Any) -> SecureClient:
    """A client whose connection is `above`."""
    return SecureClient(serve(answering()), make=above, **options)


# ---- the handshake


@VERSIONS
def test_requests_are_answered(serve: Serve, version: ssl.TLSVersion) -> None:
    client = SecureClient(serve(path_echo), client=client_context(version))
    for number in range(3):
        client.send(GET % number)
    client.send(GET % 3 + GET % 4)
    assert [answer.body for answer in client.answers] == [b"/%d" % number for number in range(5)]
    assert client.served.context.connections_total == 1
    assert client.secure.tls.version() == {"TLSv1_2": "TLSv1.2", "TLSv1_3": "TLSv1.3"}[version.name]


@VERSIONS
def test_bytes_may_come_one_by_one(serve: Serve, version: ssl.TLSVersion) -> None:
    client = SecureClient(serve(path_echo), client=client_context(version), shakes=False)
    secure = client.secure
    for _ in range(4):
        secure._take()
        try:
            secure.tls.do_handshake()
        except ssl.SSLWantReadError:
            pass
        for byte in secure.outgoing.read():
            secure.deliver_raw(bytes([byte]))
    for byte in secure.encrypted(GET % 1 + GET % 2):
        secure.deliver_raw(bytes([byte]))
    client.driver.settle()
    assert [answer.body for answer in client.answers] == [b"/1", b"/2"]


def test_data_may_come_with_the_end_of_the_handshake(serve: Serve) -> None:
    client = SecureClient(serve(path_echo), shakes=False)
    secure = client.secure
    with pytest.raises(ssl.SSLWantReadError):
        secure.tls.do_handshake()
    secure.flush()
    secure._take()
    secure.tls.do_handshake()
    finished = secure.outgoing.read()
    secure.deliver_raw(finished + secure.encrypted(GET % 1))
    client.driver.settle()
    assert [answer.body for answer in client.answers] == [b"/1"]


def test_a_connection_counts_from_the_first_moment_and_once(serve: Serve) -> None:
    served = serve(answering(b"ok"), max_connections=1)
    paused: list[bool] = []
    served.context.accept_hook = paused.append
    client = SecureClient(served, shakes=False)
    assert served.context.connections == {client.below}
    client.secure.shake_hands()
    assert served.context.connections == {client.below.get_protocol()}
    assert (served.context.connections_total, paused) == (1, [True])
    client.vanish()
    assert (served.context.connections, paused) == (set(), [True, False])


def test_a_handshake_has_its_time(serve: Serve) -> None:
    served = serve(answering(b"ok"), ssl_handshake_timeout=3)
    silent, begun, done = SecureClient(served, shakes=False), SecureClient(served, shakes=False), SecureClient(served)
    with pytest.raises(ssl.SSLWantReadError):
        begun.secure.tls.do_handshake()
    begun.secure.flush()
    served.tick(2)
    assert not silent.closed
    assert not begun.closed
    served.tick(3)
    assert silent.closed
    assert begun.closed
    assert not done.closed
    assert [line for line in done.logged if "took too long" in line] == [
        "no TLS with ('127.0.0.1', 50000): it took too long"
    ] * 2


def test_a_drain_lets_handshakes_end(serve: Serve) -> None:
    served = serve(path_echo)
    silent, begun = SecureClient(served, shakes=False), SecureClient(served, shakes=False)
    with pytest.raises(ssl.SSLWantReadError):
        begun.secure.tls.do_handshake()
    begun.secure.flush()
    served.driver.call(served.context.begin_drain)
    begun.secure.shake_hands()
    begun.send(GET % 1)
    assert [answer.body for answer in begun.answers] == [b"/1"]
    assert begun.answers[0].header(b"connection") == b"close"
    assert begun.secure.ended
    served.tick(3)
    assert silent.closed
    assert begun.closed


def test_a_cut_ends_a_handshake(serve: Serve) -> None:
    client = SecureClient(serve(answering()), shakes=False)
    client.driver.call(client.served.context.abort_all)
    client.driver.settle()
    assert client.closed
    assert client.transport.aborted


@pytest.mark.parametrize(
    "request_line", [b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"P"]
)
def test_plain_http_is_told_what_is_wrong(serve: Serve, request_line: bytes) -> None:
    client = SecureClient(serve(answering()), shakes=False)
    client.secure.deliver_raw(request_line)
    answer = bytes(client.transport.received)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"connection: close\r\n" in answer
    assert answer.endswith(b"\r\n\r\n400 plain HTTP was sent to a TLS port; use https\n")
    assert client.transport.eof_sent
    assert not client.closed
    client.secure.deliver_raw(b"more of it")
    client.served.tick(8)
    assert client.closed
    assert client.logged == ["no TLS with ('127.0.0.1', 50000): a plain HTTP request was sent to the TLS port"]


@pytest.mark.parametrize(
    "data", [b"\x00" * 20, b"\x80\x2e\x01\x00\x02", b"get / http", b"\x15\x03\x01\x00\x02\x02\x28"]
)
def test_what_is_no_tls_is_closed_without_a_word(serve: Serve, data: bytes) -> None:
    client = SecureClient(serve(answering()), shakes=False)
    client.secure.deliver_raw(data)
    client.driver.settle()
    assert client.closed
    assert not client.transport.received
    assert client.logged == ["no TLS with ('127.0.0.1', 50000): what it sent is no TLS"]


def test_a_broken_handshake_is_answered_by_an_alert(serve: Serve) -> None:
    client = SecureClient(serve(answering()), shakes=False)
    client.secure.deliver_raw(b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
    client.driver.settle()
    assert client.closed
    assert client.transport.received[:1] == b"\x15"
    assert len(client.logged) == 1
    assert client.logged[0].startswith("no TLS with")


def test_random_bytes_after_the_first_are_refused(serve: Serve) -> None:
    generator = random.Random(6)
    for _ in range(300):
        client = SecureClient(serve(answering()), shakes=False)
        data = b"\x16\x03" + generator.randbytes(generator.randrange(200))
        client.secure.deliver_raw(data)
        client.driver.settle()
        assert client.closed or not client.transport.received


def test_a_client_without_the_certificate_that_is_needed(serve: Serve) -> None:
    client = SecureClient(
        serve(answering()), client=client_context(ssl.TLSVersion.TLSv1_2), server=server_context(ssl.CERT_REQUIRED),
        shakes=False,
    )  # fmt: skip
    with pytest.raises(ssl.SSLError, match="handshake failure"):
        client.secure.shake_hands()
    client.driver.settle()
    assert client.closed
    assert "peer did not return a certificate" in client.logged[0]


@pytest.mark.parametrize("begun", [False, True])
def test_a_client_that_leaves_its_handshake(serve: Serve, begun: bool) -> None:
    ended, lost = SecureClient(serve(answering()), shakes=False), SecureClient(serve(answering()), shakes=False)
    for client in (ended, lost):
        if begun:
            with pytest.raises(ssl.SSLWantReadError):
                client.secure.tls.do_handshake()
            client.secure.flush()
    ended.secure.end_socket()
    ended.driver.settle()
    lost.vanish()
    assert ended.closed
    assert lost.closed
    assert [len(client.logged) for client in (ended, lost)] == [begun, begun]


# ---- reading


def test_a_large_upload_comes_whole(serve: Serve) -> None:
    data = random.Random(1).randbytes(1_000_000)
    client = SecureClient(serve(echo))
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
    assert client.answers[0].body == data


def test_what_comes_in_one_piece_is_given_in_one(serve: Serve) -> None:
    above = Above()
    client = raw(serve, above)
    records = b"".join(client.secure.encrypted(part) for part in (b"one ", b"two ", b"x" * 40_000))
    client.secure.deliver_raw(records)
    assert above.calls == [b"one two " + b"x" * 40_000]


@VERSIONS
def test_nothing_that_is_whole_waits_for_more(serve: Serve, version: ssl.TLSVersion) -> None:
    chance = random.Random(11)
    above = Above()
    client = raw(serve, above, client=client_context(version))
    plain, wire, ends = bytearray(), bytearray(), []
    for _ in range(150):
        part = chance.randbytes(chance.choice([1, 1, 50, 300, 16_384]))
        plain += part
        wire += client.secure.encrypted(part)
        ends.append((len(wire), len(plain)))
    begin = 0
    while begin < len(wire):
        following = [end for end, _ in ends if end > begin]
        # Records that are whole, parts of one, an end within the next header, and several at once.
        end = chance.choice([following[0], following[0], begin + 3, following[0] + 3, following[:5][-1]])
        client.secure.deliver_raw(bytes(wire[begin:end]))
        whole = max((size for at, size in ends if at <= end), default=0)
        assert b"".join(above.calls) == plain[:whole]
        begin = end


def test_an_unread_body_stops_reading(serve: Serve) -> None:
    gate = asyncio.Event()
    app = Recorder(gate=gate, reads=False)
    client = SecureClient(serve(app))
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n" + b"x" * 400_000)
    assert client.transport.reading_paused
    assert not client.below.is_reading()
    gate.set()
    client.send()
    assert client.answers[0].body == b"ok"


def test_nothing_is_given_to_a_connection_that_has_paused(serve: Serve) -> None:
    above = Above(keeps=True)
    client = raw(serve, above)
    client.driver.call(above.transport.pause_reading)
    assert client.transport.reading_paused
    # What the loop had read before it was told.
    client.driver.call(client.below.data_received, client.secure.encrypted(b"held "))
    client.driver.call(client.below.data_received, client.secure.encrypted(b"back"))
    with pytest.raises(ssl.SSLError):
        client.secure.tls.unwrap()
    client.driver.call(client.below.data_received, client.secure.outgoing.read())
    assert above.calls == []
    client.driver.call(above.transport.resume_reading)
    client.driver.settle()
    assert above.calls == [b"held back", "eof"]
    assert not client.transport.reading_paused


def test_what_was_held_comes_before_what_comes_next(serve: Serve) -> None:
    above = Above(keeps=True)
    client = raw(serve, above)
    first, second = client.secure.encrypted(b"first "), client.secure.encrypted(b"second")

    def resume_and_read() -> None:
        above.transport.pause_reading()
        client.below.data_received(first)
        above.transport.resume_reading()
        client.below.data_received(second)

    client.driver.call(resume_and_read)
    client.driver.settle()
    assert above.calls == [b"first second"]


def test_a_forged_record_ends_the_connection(serve: Serve) -> None:
    above = Above()
    client = raw(serve, above)
    record = bytearray(client.secure.encrypted(b"true"))
    record[-1] ^= 1
    client.secure.deliver_raw(bytes(record))
    client.driver.settle()
    assert above.calls == ["lost"]
    assert client.received == b""
    assert "bad record mac" in str(client.secure.broken).lower().replace("_", " ")
    assert "an end of TLS with" in client.logged[-1]


# ---- the client's end


def test_close_notify_after_a_request_leaves_time_for_the_answer(serve: Serve) -> None:
    gate = asyncio.Event()
    client = SecureClient(serve(Recorder(gate=gate)))
    client.send(GET % 1)
    client.finish()
    assert not client.closed
    assert not client.received
    gate.set()
    client.driver.settle()
    assert client.answers[0].body == b"ok"
    assert client.secure.ended
    assert client.closed


def test_close_notify_after_requests_of_http2_leaves_time_for_the_answers(serve: Serve) -> None:
    gate = asyncio.Event()
    client = SecureHttp2Client(serve(Recorder(gate=gate)))
    exchanges = [client.request(), client.request()]
    client.credits = False  # which it could not send any more
    client.finish()
    assert not client.closed
    gate.set()
    client.settle()
    assert [exchange.answer.body for exchange in exchanges] == [b"ok", b"ok"]
    assert client.closed


def test_the_end_of_the_socket_is_a_disconnect(serve: Serve) -> None:
    events: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        events.append(await receive())
        events.append(await receive())

    client = SecureClient(serve(app))
    client.send(GET % 1)
    client.secure.end_socket()
    client.driver.settle()
    assert client.closed
    assert [event["type"] for event in events] == ["http.request", "http.disconnect"]


def test_close_notify_between_requests_closes(serve: Serve) -> None:
    client = SecureClient(serve(path_echo))
    client.send(GET % 1)
    client.finish()
    assert client.closed
    assert client.received
    assert client.secure.ended


def test_what_comes_after_close_notify_is_dropped(serve: Serve) -> None:
    above = Above(keeps=True)
    client = raw(serve, above)
    client.transport.deliver_eof()
    client.secure.deliver_raw(b"\x17\x03\x03\x00\x10" + b"x" * 16)
    assert above.calls == ["eof"]
    assert not client.closed
    client.secure.end_socket()
    client.driver.settle()
    assert above.calls == ["eof", "lost"]


# ---- writing


def test_a_slow_client_costs_bounded_memory(serve: Serve) -> None:
    data = random.Random(2).randbytes(4_000_000)
    client = SecureClient(serve(answering(data)))
    client.transport.stop_client()
    client.send(GET % 1)
    assert 0 < len(client.transport.pending) < 256 * 1024
    assert client.below.get_write_buffer_size() > 3_900_000
    for _ in range(200):
        client.transport.resume_client(50_000)
    client.transport.resume_client()
    client.driver.settle()
    assert client.transport.high_water < 256 * 1024
    assert client.answers[0].body == data


def test_small_writes_keep_their_order_behind_a_slow_client(serve: Serve) -> None:
    above = Above()
    client = raw(serve, above)
    client.transport.stop_client()
    parts = [b"a" * 200_000, b"b", b"c" * 40_000, b"d"]

    def write() -> None:
        for part in parts:
            above.transport.write(part)
        above.transport.write(b"")
        above.transport.writelines([b"e", bytearray(b"f"), memoryview(b"g")])
        above.transport.close()
        above.transport.write(b"too late")

    client.driver.call(write)
    assert above.transport.is_closing()
    assert above.calls == ["pause"]
    client.transport.resume_client()
    client.driver.settle()
    assert client.received == b"".join(parts) + b"efg"
    assert client.secure.ended
    assert above.calls[-1] == "lost"


def test_the_end_waits_for_what_was_written(serve: Serve) -> None:
    above = Above(keeps=True)
    client = raw(serve, above)
    client.transport.stop_client()

    def write() -> None:
        above.transport.write(b"a" * 300_000)
        above.transport.write_eof()
        above.transport.write_eof()
        above.transport.write(b"too late")

    client.driver.call(write)
    assert not client.transport.eof_sent
    client.transport.resume_client()
    client.driver.settle()
    assert client.received == b"a" * 300_000
    assert client.secure.ended
    assert client.transport.eof_sent
    assert above.calls == ["pause", "resume"]
    assert not client.closed


def test_marks_of_the_buffer_are_those_of_the_socket(serve: Serve) -> None:
    above = Above()
    client = raw(serve, above)
    client.driver.call(above.transport.set_write_buffer_limits, 0)
    assert client.transport.high == 0
    client.transport.stop_client()
    client.driver.call(above.transport.write, b"x")
    assert above.calls == ["pause"]
    assert above.transport.get_write_buffer_size() > 0
    client.transport.resume_client()
    assert above.calls == ["pause", "resume"]
    assert above.transport.get_write_buffer_size() == 0


def test_a_client_that_takes_nothing_is_cut(serve: Serve) -> None:
    client = SecureClient(serve(answering(b"x" * 1_000_000), write_timeout=5))
    client.transport.stop_client()
    client.send(GET % 1)
    client.served.tick(4)
    assert not client.closed
    client.served.tick(4)
    assert client.closed
    assert client.transport.aborted


def test_a_body_that_is_cut_has_no_close_notify(serve: Serve) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200))
        await send(body(b"half", more=True))
        raise RuntimeError("no more")

    served = serve(app)
    client = SecureClient(served)
    client.send(b"GET / HTTP/1.0\r\n\r\n")
    assert client.received.endswith(b"half")
    assert not client.secure.ended
    assert client.transport.aborted
    assert len(served.take_errors()) == 1


def test_an_answer_before_the_end_of_the_body_can_be_read(serve: Serve) -> None:
    client = SecureClient(serve(answering(b"no", status=403)))
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n" + b"x" * 100_000)
    assert client.answers[0].status == 403
    assert client.secure.ended
    assert client.transport.eof_sent
    assert not client.closed
    client.transport.deliver(b"x" * 100_000)
    client.secure.end_socket()
    client.driver.settle()
    assert client.closed


def test_nothing_can_be_asked_of_a_lost_socket(serve: Serve) -> None:
    above = Above()
    client = raw(serve, above)
    client.vanish()
    transport = above.transport
    for call in (
        transport.close,
        transport.abort,
        transport.write_eof,
        transport.pause_reading,
        transport.resume_reading,
    ):
        client.driver.call(call)
    client.driver.call(transport.write, b"x")
    client.driver.call(transport.set_write_buffer_limits, 0)
    client.driver.call(client.below.check_deadlines)
    assert transport.is_closing()
    assert not transport.can_write_eof()
    assert transport.get_write_buffer_size() == 0
    assert above.calls == ["lost"]


class Rekeyed:
    """A session in which each read asks for a new key (RFC 8446 section 4.6.3), which clients of Python cannot do."""

    def __init__(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO) -> None:
        self.incoming, self.outgoing = incoming, outgoing

    def wrap_bio(self, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, server_side: bool) -> Rekeyed:
        return Rekeyed(incoming, outgoing)

    def do_handshake(self) -> None:
        self.incoming.read()

    def read(self, size: int) -> bytes:
        self.incoming.read()
        self.outgoing.write(b"k" * 100_000)
        raise ssl.SSLWantReadError

    def write(self, data: bytes) -> int:
        return self.outgoing.write(data)


def test_a_client_that_asks_for_keys_and_takes_none(serve: Serve) -> None:
    above = Above()
    context: Any = Rekeyed(ssl.MemoryBIO(), ssl.MemoryBIO())
    client = raw(serve, above, server=context, shakes=False)
    client.secure.deliver_raw(b"\x16")
    for _ in range(20):
        client.secure.deliver_raw(b"key")
    assert not client.closed  # it takes them
    client.transport.stop_client()
    for _ in range(20):
        if not client.transport.closing:
            client.secure.deliver_raw(b"key")
    client.driver.settle()
    assert above.calls == ["pause", "lost"]
    assert client.transport.high_water <= 1_000_000
    assert "asks for keys and takes none" in client.logged[-1]


# ---- what is known of it


def test_extra_information(serve: Serve) -> None:
    above = Above()
    client = raw(serve, above, extra={"name": "value"})
    info = above.transport.get_extra_info
    assert info("ssl_object").version() == "TLSv1.3"
    assert info("sslcontext") is server_context()
    assert info("cipher")[0].startswith("TLS_")
    assert info("peercert") is None
    assert info("compression") is None
    assert (info("name"), info("peername"), info("nothing", 7)) == ("value", ("127.0.0.1", 50000), 7)
    assert above.context is client.served.context
    assert above.transport.get_protocol() is above
    client.vanish()
    assert info("peername") is None


def test_a_context_may_choose_another_by_name(serve: Serve) -> None:
    first, second = (ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in range(2))
    for context in (first, second):
        context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))
    asked: list[str | None] = []

    def choose(session: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        asked.append(name)
        session.context = second

    first.sni_callback = choose
    above = Above()
    raw(serve, above, server=first)
    assert asked == [None]
    assert above.transport.get_extra_info("sslcontext") is second


def test_a_name_that_is_refused_is_told_in_words(serve: Serve) -> None:
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))
    server.sni_callback = lambda session, name, context: ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
    client = SecureClient(serve(answering(b"")), server=server, shakes=False)
    with pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"):
        client.secure.shake_hands()
    assert client.logged[-1].endswith(": the name that it asks for is not served here")


def test_another_protocol_takes_over(serve: Serve) -> None:
    above, next_one = Above(), Above()
    client = raw(serve, above)
    client.driver.call(above.transport.set_protocol, next_one)
    client.send(b"for the next")
    client.vanish()
    assert (above.calls, next_one.calls) == ([], [b"for the next", "lost"])


def test_an_application_that_echoes_for_long(serve: Serve) -> None:
    """Both ways at once, in pieces of all sizes, across records and pieces."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send(start(200))
        more = True
        while more:
            event = await receive()
            more = event.get("more_body", False)
            await send(body(event["body"], more=more))

    generator = random.Random(3)
    client = SecureClient(serve(app))
    client.send(b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n")
    sent = b""
    for size in [
        1,
        16_383,
        16_384,
        16_385,
        32_768,
        32_769,
        65_536,
        *(generator.randrange(1, 70_000) for _ in range(20)),
    ]:
        data = generator.randbytes(size)
        sent += data
        client.send(b"%x\r\n%b\r\n" % (len(data), data))
    client.send(b"0\r\n\r\n")
    assert client.answers[0].body == sent
