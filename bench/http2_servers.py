# SPDX-License-Identifier: MIT
"""The servers that are compared over HTTP/2: what is added to their command lines in `servers`, cleartext and TLS.

Called by `http2` and `transfer` through `choose`. `fastcorn` has its default engine, `fastcorn-h2` the h2 package.
nghttpd, written in C on nghttp2, serves the same bytes from files and stands where the floor stands for HTTP/1.1.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench import apps
from bench.certificate import Certificate
from bench.errors import BenchError
from bench.process import PROBE_ADDRESS
from bench.servers import SERVERS, Server

_PLAIN = {server.name: server for server in SERVERS}
_KEY_LAST = ("--keyfile", "{keyfile}", "--certfile", "{certfile}")
EXECUTE = "import os, sys; os.execvp(sys.argv[1], sys.argv[1:])"
FILES = {"bench.apps:hello": apps.HELLO, "bench.apps:ten_kib": apps.TEN_KIB, "bench.apps:echo": b""}
"""What nghttpd answers in place of an application."""


@dataclass(frozen=True)
class Http2Server:
    """One server in both its forms.

    Attributes:
        base: its name, distribution and the arguments that both forms begin with.
        cleartext: arguments for HTTP/2 by prior knowledge.
        tls: arguments for HTTP/2 over TLS; {certfile} and {keyfile} are filled in.
    """

    base: Server
    cleartext: tuple[str, ...]
    tls: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.base.name

    def form(self, certificate: Certificate | None) -> Server:
        """The server as `process` starts it: over TLS with a certificate, in cleartext without."""
        if certificate is None:
            return replace(self.base, arguments=(*self.base.arguments, *self.cleartext))
        paths = {"{certfile}": str(certificate.certfile), "{keyfile}": str(certificate.keyfile)}
        return replace(self.base, arguments=(*self.base.arguments, *(paths.get(word, word) for word in self.tls)))


def _server(name: str, cleartext: tuple[str, ...], tls: tuple[str, ...], base: str = "") -> Http2Server:
    return Http2Server(replace(_PLAIN[base or name], name=name), cleartext, tls)


UVICORN = Server(
    "uvicorn",
    "zttp",
    (
        *("-m", "uvicorn", "{app}", "--host", "127.0.0.1", "--port", "{port}", "--http", "zttp", "--http2"),
        *("--loop", "uvloop", "--log-level", "warning", "--no-access-log"),
    ),
    idle=("--timeout-keep-alive", "120"),
)
NGHTTPD = Server("nghttpd", "", ("-c", EXECUTE, "nghttpd", "-a", "127.0.0.1", "-d", "nghttpd/{app}", "--echo-upload"))
REFERENCE = NGHTTPD.name

HTTP2_SERVERS: tuple[Http2Server, ...] = (
    _server("fastcorn", (), _KEY_LAST),
    _server("fastcorn-h2", ("--http2-engine", "h2"), ("--http2-engine", "h2", *_KEY_LAST), base="fastcorn"),
    Http2Server(UVICORN, (), ("--ssl-keyfile", "{keyfile}", "--ssl-certfile", "{certfile}")),
    _server("granian", (), ("--ssl-keyfile", "{keyfile}", "--ssl-certificate", "{certfile}")),
    _server(
        "gunicorn",
        (
            *("--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge"),
            *("--forwarded-allow-ips", f"127.0.0.1,{PROBE_ADDRESS}"),  # who may speak it in cleartext
        ),
        ("--http-protocols", "h2,h1", *_KEY_LAST),
    ),
    _server("hypercorn", ("-c", "bench/hypercorn.toml"), ("-c", "bench/hypercorn.toml", *_KEY_LAST)),
    Http2Server(NGHTTPD, ("--no-tls", "{port}"), ("{port}", "{keyfile}", "{certfile}")),
)


def prepare_files(folder: Path) -> None:
    """Writes the files that nghttpd serves, one folder for each application."""
    for app, content in FILES.items():
        (folder / REFERENCE / app).mkdir(parents=True, exist_ok=True)
        (folder / REFERENCE / app / "index.html").write_bytes(content)


def choose(names: Sequence[str] | None, packages: Mapping[str, str], *, reference: bool = False) -> list[Http2Server]:
    """The servers to run: those named, or every installed one.

    Args:
        names: names given by the user; None for all that are installed.
        packages: installed distributions, from `Interpreter.packages`.
        reference: whether nghttpd may take part.

    Raises:
        BenchError: a name is unknown, or a named server is not installed.
    """
    known = {server.name: server for server in HTTP2_SERVERS if reference or server.name != REFERENCE}
    if names is None:
        return [server for server in known.values() if not _missing(server, packages)]
    for name in names:
        if name not in known:
            raise BenchError(f"unknown server {name!r}; known are {', '.join(known)}")
        if missing := _missing(known[name], packages):
            raise BenchError(missing)
    return [known[name] for name in dict.fromkeys(names)]


def _missing(server: Http2Server, packages: Mapping[str, str]) -> str:
    """Why a server cannot run here; empty when it can."""
    distribution = server.base.distribution
    if distribution and distribution not in packages:
        return f"{distribution} is not installed for this Python; `make bench` installs all peers"
    if server.name == REFERENCE and shutil.which(REFERENCE) is None:
        return f"{REFERENCE} is not installed; on Debian: apt-get install nghttp2-server"
    return ""
