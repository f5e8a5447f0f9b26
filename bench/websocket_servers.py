# SPDX-License-Identifier: MIT
"""The servers that are compared over WebSockets: those of `servers`, once for each implementation they offer.

Called by `websocket` and `websocket_memory` through `choose`. A variant is named after its server and what it uses, as
`uvicorn-wsproto`; `fastcorn` is the native engine.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from bench.errors import BenchError
from bench.servers import SERVERS, Server

_PLAIN = {server.name: server for server in SERVERS}


def _variant(server: str, suffix: str, *arguments: str) -> Server:
    plain = _PLAIN[server]
    name = f"{server}-{suffix}" if suffix else server
    return replace(plain, name=name, arguments=(*plain.arguments, *arguments))


WEBSOCKET_SERVERS: tuple[Server, ...] = (
    _variant("fastcorn", "", "--websocket-engine", "native"),
    _variant("fastcorn", "wsproto", "--websocket-engine", "wsproto"),
    _variant("uvicorn", "websockets", "--ws", "websockets"),
    _variant("uvicorn", "sansio", "--ws", "websockets-sansio"),
    _variant("uvicorn", "wsproto", "--ws", "wsproto"),
    _PLAIN["granian"],
    _PLAIN["gunicorn"],
    _PLAIN["hypercorn"],
    _PLAIN["daphne"],
    _PLAIN["socketify"],
)


def is_peer(name: str) -> bool:
    """Whether a row is another server's."""
    return not name.startswith("fastcorn")


def choose(names: Sequence[str] | None, packages: Mapping[str, str]) -> list[Server]:
    """The servers to run: those named, or every installed one. A bare `uvicorn` names all its variants.

    Args:
        names: names given by the user; None for all that are installed.
        packages: installed distributions, from `Interpreter.packages`.

    Raises:
        BenchError: a name is unknown, or a named server is not installed.
    """
    if names is None:
        return [server for server in WEBSOCKET_SERVERS if server.distribution in packages]
    found: dict[str, Server] = {}
    for name in names:
        exact = [server for server in WEBSOCKET_SERVERS if server.name == name]
        chosen = exact or [server for server in WEBSOCKET_SERVERS if server.distribution == name]
        if not chosen:
            known = ", ".join(server.name for server in WEBSOCKET_SERVERS)
            raise BenchError(f"unknown server {name!r}; known are {known}")
        if chosen[0].distribution not in packages:
            raise BenchError(
                f"{chosen[0].distribution} is not installed for this Python; `make bench` installs all peers"
            )
        found.update({server.name: server for server in chosen})
    return list(found.values())
