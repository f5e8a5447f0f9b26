# SPDX-License-Identifier: MIT
"""TLS connections: served and closed by either side, lost, failed in the handshake, plain HTTP, slow clients."""

import gc
import ssl

from fastcorn.protocols._http1 import H1Connection
from fastcorn.protocols._tls import TLSTransport
from tests.isolated.growth import check
from tests.isolated.served import GET, Worker, hello
from tests.secure import SecureTransport, client_context, server_context

worker = Worker(hello)
CLIENT = client_context()


def connect() -> SecureTransport:
    below = TLSTransport(worker.context, server_context(), H1Connection)
    transport = SecureTransport(worker.driver, below, client=CLIENT)
    worker.driver.call(below.connection_made, transport)
    return transport


def end(transport: SecureTransport, number: int) -> None:
    """The client ends, in one way or another."""
    if number % 3 == 0:
        transport.deliver_eof()
    elif number % 3 == 1:
        transport.end_socket()
    worker.driver.settle()
    transport.lose(None if number % 2 else ConnectionResetError())
    worker.driver.settle()


def work() -> None:
    for number in range(40):
        transport = connect()
        if number % 5 == 0:
            transport.deliver_raw(GET if number % 2 else b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00")
            transport.lose()
            continue
        if number % 5 == 1:
            try:
                transport.tls.do_handshake()
            except ssl.SSLWantReadError:
                transport.flush()
            transport.lose()
            continue
        transport.shake_hands()
        if number % 5 == 2:
            transport.stop_client()
        transport.deliver(GET * 3)
        worker.driver.settle()
        end(transport, number)
    worker.tick()
    assert not worker.context.connections
    gc.collect()  # of the clients


check(work)
