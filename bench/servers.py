# SPDX-License-Identifier: MIT
"""The servers that are compared: their names, their distributions and the command lines that start one worker.

Called by http1, start, idle and the others through `choose`; the commands are started by `process`. Every server gets
its fastest documented settings for one worker and no access log; other than that, its defaults.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from bench.certificate import Certificate
from bench.errors import BenchError

CERTFILE = ("--certfile", "{certfile}", "--keyfile", "{keyfile}")
FASTPYSGI = "import sys, fastpysgi; sys.argv[0] = 'fastpysgi'; fastpysgi.run_from_cli()"


@dataclass(frozen=True)
class Server:
    """One server.

    Attributes:
        name: as given to --servers.
        distribution: the package whose version is reported; empty for the C floor.
        arguments: arguments of Python; {app} and {port} are filled in.
        idle: further arguments that keep idle connections open for two minutes; empty where the default does.
        tls: further arguments for TLS, {certfile} and {keyfile} are filled in; empty where there is none.
    """

    name: str
    distribution: str
    arguments: tuple[str, ...]
    idle: tuple[str, ...] = ()
    tls: tuple[str, ...] = ()

    def over_tls(self, certificate: Certificate) -> "Server":
        """The same server with a certificate."""
        paths = {"{certfile}": str(certificate.certfile), "{keyfile}": str(certificate.keyfile)}
        return replace(self, arguments=(*self.arguments, *(paths.get(word, word) for word in self.tls)))

    def command(self, python: str, app: str, port: int, *, idle: bool = False) -> list[str]:
        """The command line for one worker on 127.0.0.1."""
        filled = [argument.format(app=app, port=port) for argument in self.arguments]
        return [python, *filled, *(self.idle if idle else ())]


FLOOR = Server("floor", "", ())
"""The C epoll loop of floor.c; `process` starts its binary instead of Python."""

SERVERS: tuple[Server, ...] = (
    Server(
        "fastcorn",
        "fastcorn",
        ("-m", "fastcorn", "{app}", "--bind", "127.0.0.1:{port}"),
        idle=("--keep-alive", "120"),
        tls=CERTFILE,
    ),
    Server(
        "uvicorn",
        "uvicorn",
        (
            *("-m", "uvicorn", "{app}", "--host", "127.0.0.1", "--port", "{port}", "--http", "httptools"),
            *("--loop", "uvloop", "--log-level", "warning", "--no-access-log"),
        ),
        idle=("--timeout-keep-alive", "120"),
        tls=("--ssl-certfile", "{certfile}", "--ssl-keyfile", "{keyfile}"),
    ),
    Server(
        "granian",
        "granian",
        (
            *("-m", "granian", "{app}", "--interface", "asgi", "--host", "127.0.0.1", "--port", "{port}"),
            *("--workers", "1", "--runtime-mode", "st", "--loop", "uvloop", "--log-level", "warning"),
        ),
        # Its header timeout also runs while a connection is idle (a minute is the most), and its limit on requests at
        # once counts idle connections too.
        idle=("--http1-header-read-timeout", "60000", "--backpressure", "20000"),
        tls=("--ssl-certificate", "{certfile}", "--ssl-keyfile", "{keyfile}"),
    ),
    Server(
        "gunicorn",
        "gunicorn",
        (
            *("-m", "gunicorn", "{app}", "--worker-class", "asgi", "--workers", "1", "--bind", "127.0.0.1:{port}"),
            *("--log-level", "warning", "--no-control-socket"),
        ),
        idle=("--keep-alive", "120", "--worker-connections", "20000"),
        tls=CERTFILE,
    ),
    Server(
        "hypercorn",
        "hypercorn",
        (
            *("-m", "hypercorn", "{app}", "--worker-class", "uvloop", "--workers", "1", "--bind", "127.0.0.1:{port}"),
            *("--log-level", "warning"),
        ),
        idle=("--keep-alive", "120"),
        tls=CERTFILE,
    ),
    Server(
        "daphne",
        "daphne",
        ("-m", "daphne", "{app}", "--bind", "127.0.0.1", "--port", "{port}", "--verbosity", "0"),
        idle=("--http-timeout", "120"),
    ),
    Server(
        "fastpysgi",
        "fastpysgi",
        ("-c", FASTPYSGI, "{app}", "--host", "127.0.0.1", "--port", "{port}"),
    ),
    Server(
        "socketify",
        "socketify",
        (
            *("-m", "socketify", "{app}", "--host", "127.0.0.1", "--port", "{port}", "--interface", "asgi"),
            *("--workers", "1", "--disable-listen-log", "True"),
        ),
    ),
)


def choose(
    names: Sequence[str] | None, packages: Mapping[str, str], *, floor: bool = False, tls: bool = False
) -> list[Server]:
    """The servers to run: those named, or every installed one.

    Args:
        names: names given by the user; None for all that are installed.
        packages: installed distributions, from `Interpreter.packages`.
        floor: whether the C floor may take part.
        tls: only those that can be started with a certificate.

    Raises:
        BenchError: a name is unknown, or a named server is not installed.
    """
    offered = [server for server in SERVERS if server.tls or not tls]
    known = {server.name: server for server in (*offered, *([FLOOR] if floor and not tls else []))}
    if names is None:
        return [server for server in known.values() if not server.distribution or server.distribution in packages]
    for name in names:
        if name not in known:
            raise BenchError(f"unknown server {name!r}; known are {', '.join(known)}")
        distribution = known[name].distribution
        if distribution and distribution not in packages:
            raise BenchError(f"{distribution} is not installed for this Python; `make bench` installs all peers")
    return [known[name] for name in dict.fromkeys(names)]
