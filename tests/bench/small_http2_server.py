# SPDX-License-Identifier: MIT
"""A small asyncio HTTP/2 server on h2 that stands in for a measured one: `small_http2_server.py PORT [CERT KEY]`.

Run by test_http2.py. GET / answers 13 bytes, GET /N answers N bytes as bench.apps.download does, POST / echoes its
body, POST /N answers 200 to N bytes. /reset resets the stream, /goodbye ends the connection, and /garbage writes a
wrong frame. It ends at SIGTERM.
"""

import asyncio
import ssl
import sys
from dataclasses import dataclass, field

import h2.config
import h2.connection
import h2.events

PIECE = bytes(range(256)) * 256


@dataclass
class Exchange:
    """One request, and what is left of its answer."""

    method: str
    path: str
    body: bytearray = field(default_factory=bytearray)
    unsent: memoryview = field(default_factory=lambda: memoryview(b""))


class SmallServer(asyncio.Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False, header_encoding="latin-1"))
        self.h2.initiate_connection()
        self.exchanges: dict[int, Exchange] = {}

    def data_received(self, data: bytes) -> None:
        for event in self.h2.receive_data(data):
            if isinstance(event, h2.events.RequestReceived):
                fields = {str(name): str(value) for name, value in event.headers}
                self.exchanges[event.stream_id] = Exchange(fields[":method"], fields[":path"])
            elif isinstance(event, h2.events.DataReceived):
                self.exchanges[event.stream_id].body += event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.StreamEnded):
                self.answer(event.stream_id, self.exchanges[event.stream_id])
        self.pump()

    def answer(self, stream: int, exchange: Exchange) -> None:
        if exchange.path == "/reset":
            return self.h2.reset_stream(stream, 2)
        if exchange.path == "/goodbye":
            self.pump()
            return self.h2.close_connection(11)
        if exchange.path == "/garbage":
            return self.transport.write(b"\0\0\0\6" + bytes(5))  # a PING without its eight bytes
        digits, status, body = exchange.path.strip("/"), "200", b"Hello, world!"
        if exchange.method == "POST":
            body = b"" if digits else bytes(exchange.body)
            status = "400" if digits and int(digits) != len(exchange.body) else "200"
        elif digits:
            body = (PIECE * (int(digits) // len(PIECE) + 1))[: int(digits)]
        self.h2.send_headers(stream, [(":status", status), ("content-length", str(len(body)))], end_stream=not body)
        exchange.unsent = memoryview(body)
        return None

    def pump(self) -> None:
        for stream, exchange in self.exchanges.items():
            while exchange.unsent:
                room = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size)
                if room <= 0:
                    break
                piece, exchange.unsent = exchange.unsent[:room], exchange.unsent[room:]
                self.h2.send_data(stream, bytes(piece), end_stream=not exchange.unsent)
        self.transport.write(self.h2.data_to_send())


async def main() -> None:
    context = None
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        context.set_alpn_protocols(["h2"])
    loop = asyncio.get_running_loop()
    server = await loop.create_server(SmallServer, "127.0.0.1", int(sys.argv[1]), ssl=context)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
