# SPDX-License-Identifier: MIT
"""Runs a program unchanged but for its port: whatever port it binds, a free one is taken, for tests beside each other.

python tests/seeds/runner.py PROGRAM; the port is in the line that the server prints when it listens.
"""

from __future__ import annotations

import runpy
import sys

from fastcorn.config import sockets
from fastcorn.config.addresses import Address, parse_address


def with_free_port(text: str) -> Address:
    address = parse_address(text)
    return Address(host=address.host, port=0) if address.host is not None else address


if __name__ == "__main__":
    setattr(sockets, "parse_address", with_free_port)  # the name is not exported
    runpy.run_path(sys.argv[1], run_name="__main__")
