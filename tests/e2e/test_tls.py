# SPDX-License-Identifier: MIT
"""The command on TLS: certificates that are replaced while it runs, clients that do not speak it, root given up."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import httpx
import pytest

from tests.certificates import Certificate, authority, localhost
from tests.e2e.command import Command, running
from tests.loops import LIMIT_SECONDS, LOOPS

if sys.platform == "win32":
    pytest.skip("Windows has neither fork nor these signals", allow_module_level=True)

APPLICATION = """
async def app(scope, receive, send):
    assert scope["type"] == "http"
    body = f"{scope['scheme']} {scope['path']}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})
"""
BASE = ["main:app", "--bind", "127.0.0.1:0", "--lifespan", "off", "--certfile", "server.pem", "--keyfile", "server.key"]
RENEWED = "certificates are renewed: server.pem"
PROMPT_SECONDS = 0.05

each_loop = pytest.mark.parametrize("loop_name", LOOPS)


@contextlib.contextmanager
def serving(folder: Path, *arguments: str, certificate: Certificate | None = None) -> Iterator[Command]:
    """The command on https, with server.pem and server.key in its folder."""
    (folder / "main.py").write_text(APPLICATION, encoding="utf-8")
    (certificate or localhost()).write(folder)
    with running([*BASE, *arguments], folder) as command:
        command.url()
        yield command


def replace(folder: Path, certificate: Certificate) -> None:
    """Puts other files in the place of server.pem and server.key, at once each."""
    for path in certificate.write(folder, "new").values():
        os.replace(path, folder / f"server{Path(path).suffix}")


def port_of(command: Command) -> int:
    return int(command.url().rpartition(":")[2])


class Client:
    """A connection over TLS."""

    def __init__(
        self, port: int, context: ssl.SSLContext | None = None, name: str = "localhost", session: Any = None
    ) -> None:
        plain = socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS)
        try:
            context = context or authority().trust()
            self.sock = context.wrap_socket(plain, server_hostname=name, session=session)
        except BaseException:
            plain.close()
            raise

    @property
    def serial(self) -> int:
        return int(str((self.sock.getpeercert() or {})["serialNumber"]), 16)

    def ask(self) -> bytes:
        """A request on this connection; returns the body of its answer."""
        self.sock.sendall(b"GET /x HTTP/1.1\r\nhost: localhost\r\n\r\n")
        received = b""
        while not (end := re.search(rb"\r\n\r\n(https? /x)$", received)):
            data = self.sock.recv(65536)
            assert data, received
            received += data
        return end[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.sock.close()


def answer_of(port: int, data: bytes) -> bytes:
    """What a client that speaks no TLS gets until the connection ends."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as sock:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(4096):
                received += more
    return received


def serial_of(port: int) -> int:
    """The serial number of the certificate that a new client gets; it is answered too."""
    with Client(port) as client:
        assert client.ask() == b"https /x"
        return client.serial


def wait_served(port: int, serial: int, times: int = 1) -> None:
    """Waits until so many new clients in a row get a certificate."""
    until = time.monotonic() + LIMIT_SECONDS
    seen = 0
    while seen < times:
        seen = seen + 1 if serial_of(port) == serial else 0
        assert time.monotonic() < until, "the new certificate is not served"
        if not seen:
            time.sleep(PROMPT_SECONDS)


@each_loop
def test_https_and_plain_http_side_by_side(loop_name: str, tmp_path: Path) -> None:
    with serving(tmp_path, "-k", loop_name, "--insecure-bind", "127.0.0.1:0") as command:
        command.wait_for(r"(?s)Running on https://127\.0\.0\.1.*Running on http://127\.0\.0\.1")
        secure, plain = re.findall(r"Running on (\S+) ", command.err)
        with httpx.Client(verify=authority().trust(), trust_env=False, timeout=LIMIT_SECONDS) as client:
            local = secure.replace("127.0.0.1", "localhost")
            assert [client.get(f"{url}/x").text for url in (local, plain, local)] == ["https /x", "http /x", "https /x"]
            assert client.get(f"{secure}/x").text == "https /x"  # by its address: no name is sent
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
    assert "Traceback" not in command.err


@each_loop
def test_what_clients_do_wrong_is_a_line_at_level_debug(loop_name: str, tmp_path: Path) -> None:
    ca = authority().write(tmp_path)
    settings = ["--ssl-minimum-version", "1.3", "--verify-mode", "CERT_REQUIRED", "--ca-certs", ca]
    settings += ["--loglevel", "debug"]
    with serving(tmp_path, "-k", loop_name, *settings) as command:
        port = port_of(command)
        assert answer_of(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").startswith(b"HTTP/1.1 400 ")
        for data in (b"\x00" * 100, b"\x16\x03\x01\xff\xff" + b"\x00" * 50, b""):
            assert b"HTTP" not in answer_of(port, data)
        old = authority().trust()
        old.maximum_version = ssl.TLSVersion.TLSv1_2
        with pytest.raises(ssl.SSLError, match="alert protocol version"):
            Client(port, old)
        with Client(port) as anonymous, pytest.raises(ssl.SSLError, match="alert certificate required"):
            anonymous.ask()
        zoe = authority().issue("zoe@example.org").write(tmp_path, "zoe")
        with Client(port, authority().trust(client=zoe)) as good:
            assert good.ask() == b"https /x"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
    lines = [line for line in command.err.splitlines() if "no TLS with" in line]
    assert len(lines) >= 5
    assert all("[DEBUG]" in line for line in lines)
    for reason in (
        "a plain HTTP request was sent to the TLS port", "unsupported protocol", "peer did not return a certificate"
    ):  # fmt: skip
        assert sum(reason in line for line in lines) == 1, command.err
    assert "Traceback" not in command.err
    assert "WARNING" not in command.err


@pytest.mark.slow
@each_loop
def test_a_handshake_that_does_not_end_is_cut(loop_name: str, tmp_path: Path) -> None:
    settings = ["-k", loop_name, "--ssl-handshake-timeout", "100ms", "--loglevel", "debug"]
    with serving(tmp_path, *settings) as command:
        for data in (b"", b"\x16\x03\x01\x02\x00\x01"):
            with socket.create_connection(("127.0.0.1", port_of(command)), LIMIT_SECONDS) as silent:
                silent.sendall(data)
                assert silent.recv(1) == b""
        command.wait_for("no TLS with .*: it took too long")
        assert serial_of(port_of(command)) == localhost().serial
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert "Traceback" not in command.err


def test_at_the_usual_level_clients_write_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, "--certificate", '{"certfile": "server.pem", "keyfile": "server.key"}') as command:
        port = port_of(command)
        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"):
            with socket.create_connection(("127.0.0.1", port), LIMIT_SECONDS) as sock:
                sock.sendall(data)
        assert serial_of(port) == localhost().serial
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
    assert [line for line in command.err.splitlines() if "Running on" not in line and "Stopping" not in line] == []


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["-k", "asyncio"], ["--workers", "2"]], ids=["one process", "two workers"])
def test_a_replaced_certificate_is_served_without_a_restart(arguments: list[str], tmp_path: Path) -> None:
    workers = 2 if "--workers" in arguments else 1
    with serving(tmp_path, *arguments, "--keep-alive", "120") as command, Client(port_of(command)) as old:
        port = port_of(command)
        assert (old.serial, old.ask()) == (localhost().serial, b"https /x")
        (tmp_path / "server.pem").write_bytes(b"half of a certif")
        misfit = (
            "the certificates from before go on, new ones do not fit: --certfile: 'server.pem' holds no certificate"
        )
        command.wait_for(rf"(?s)({misfit}.*){{{workers}}}")
        assert serial_of(port) == localhost().serial
        renewed = authority().issue()
        replace(tmp_path, renewed)
        command.wait_for(rf"(?s)({RENEWED}.*){{{workers}}}")
        wait_served(port, renewed.serial, 10)
        assert old.ask() == b"https /x"
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert command.err.count("new ones do not fit") == workers
        assert command.err.count(RENEWED) == workers
        assert "Traceback" not in command.err


def test_certificates_are_read_again_at_sighup(tmp_path: Path) -> None:
    arguments = ["--workers", "2", "--no-watch-certificates"]
    with serving(tmp_path, *arguments, "--keep-alive", "120") as command, Client(port_of(command)) as old:
        port = port_of(command)
        assert old.serial == localhost().serial
        (tmp_path / "new.key").write_bytes(authority().issue().key)
        os.replace(tmp_path / "new.key", tmp_path / "server.key")
        command.signal(signal.SIGHUP)
        command.wait_for("'server.key': the private key does not belong to the certificate")
        command.wait_for("SIGHUP failed; the workers from before go on")
        assert serial_of(port) == localhost().serial
        assert old.ask() == b"https /x"
        renewed = authority().issue()
        replace(tmp_path, renewed)
        command.signal(signal.SIGHUP)
        command.wait_for("SIGHUP: all workers are replaced")
        wait_served(port, renewed.serial, 5)  # the last of the old ones may still be on its way out
        command.signal(signal.SIGTERM)
        assert command.wait() == 0
        assert "Traceback" not in command.err


def test_sessions_are_resumed_on_any_worker(tmp_path: Path) -> None:
    """Workers have the keys of tickets from their supervisor."""
    with serving(tmp_path, "--workers", "2") as command, contextlib.ExitStack() as open_clients:
        port = port_of(command)
        context = authority().trust()
        first = open_clients.enter_context(Client(port, context))
        assert first.ask() == b"https /x"
        session, resumed = first.sock.session, []
        for _ in range(8):  # they stay open, so that both workers get some
            client = open_clients.enter_context(Client(port, context, session=session))
            assert client.ask() == b"https /x"
            resumed.append(client.sock.session_reused)
        assert resumed == [True] * 8


def test_names_and_wildcards_of_a_file(tmp_path: Path) -> None:
    made = {name: authority().issue(f"{name}.example", f"*.{name}.example") for name in ("shop", "blog")}
    for name, certificate in made.items():
        certificate.write(tmp_path, name)
    (tmp_path / "fastcorn.toml").write_text(
        "sni_strict = true\n"
        '[[tls.certificate]]\ncertfile = "shop.pem"\nkeyfile = "shop.key"\n'
        '[[tls.certificate]]\ncertfile = "blog.pem"\nkeyfile = "blog.key"\nnames = ["*.blog.example"]\n',
        encoding="utf-8",
    )
    with serving(tmp_path, "-c", "fastcorn.toml") as command:
        port = port_of(command)
        for name, wanted in (
            ("localhost", localhost()), ("shop.example", made["shop"]), ("a.blog.example", made["blog"]),
        ):  # fmt: skip
            with Client(port, name=name) as client:
                assert (client.serial, client.ask()) == (wanted.serial, b"https /x")
        for name in ("blog.example", "a.b.shop.example"):
            with pytest.raises(ssl.SSLError, match="(?i)unrecognized.name"):
                Client(port, name=name)
        command.signal(signal.SIGTERM)
        assert command.wait() == 0


@pytest.mark.program("openssl")
def test_openssl_sees_certificates_versions_and_protocols(tmp_path: Path) -> None:
    other = authority().issue("other.example")
    other.write(tmp_path, "other")
    table = '{"certfile": "other.pem", "keyfile": "other.key"}'
    with serving(tmp_path, "--certificate", table) as command:

        def client(*arguments: str) -> str:
            done = subprocess.run(
                ["openssl", "s_client", "-connect", f"127.0.0.1:{port_of(command)}", *arguments],
                input="", capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
            )  # fmt: skip
            return done.stdout + done.stderr

        assert "Protocol: TLSv1.3" in client("-servername", "localhost") or "TLSv1.3" in client()
        assert "ALPN protocol: http/1.1" in client("-alpn", "http/1.1")
        assert "subject=O = trustme" in client("-servername", "other.example").replace("subject=O=", "subject=O = ")
        assert "Cipher is ECDHE-ECDSA-AES" in client("-tls1_2")
        assert "Cipher is (NONE)" in client("-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0")
        assert "Secure Renegotiation IS supported" in client("-tls1_2")
        assert "Compression: NONE" in client("-tls1_2")
        assert "Traceback" not in command.err


@pytest.mark.program("curl")
def test_curl_over_tls(tmp_path: Path) -> None:
    ca = authority().write(tmp_path)
    with serving(tmp_path, "--insecure-bind", "127.0.0.1:0") as command:
        port = port_of(command)
        command.wait_for("Running on http://")
        plain = re.findall(r"Running on (http://\S+) ", command.err)[0]
        for options, url in (
            ([], f"https://localhost:{port}/x"), (["--tlsv1.2", "--tls-max", "1.2"], f"https://127.0.0.1:{port}/x"),
            ([], f"{plain}/x"),
        ):  # fmt: skip
            done = subprocess.run(
                ["curl", "-sS", "-4", "--http1.1", "--noproxy", "*", "--cacert", ca, *options, url, url],
                capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False,
            )  # fmt: skip
            assert (done.stdout, done.stderr) == (f"{url.partition(':')[0]} /x" * 2, "")
        assert "Traceback" not in command.err
