# SPDX-License-Identifier: MIT
"""Certificates of a server that runs: read, watched, renewed, and kept when what is new does not fit."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fastcorn.config import Config, ConfigError
from fastcorn.errors import ShutdownError
from fastcorn.worker import certificates as module
from fastcorn.worker.certificates import (
    END_TICKS,
    LOOK_TICKS,
    RETRY_TICKS,
    Certificates,
    CertificateWatch,
    read_again,
    read_certificates,
    tell_unreadable,
)
from tests.certificates import DAY, NOW, Certificate, authority, handshake, localhost
from tests.child import in_a_child
from tests.loops import LIMIT_SECONDS, each_loop, run_on, until

NOBODY = 65534

log = logging.getLogger("test.certificates")
log.setLevel(logging.INFO)


def serial(context: ssl.SSLContext) -> int:
    client, _ = handshake(context, authority().trust(), "localhost")
    return int(str((client.getpeercert() or {})["serialNumber"]), 16)


def read(config: Config) -> Certificates:
    certificates = read_certificates(config)
    assert certificates is not None
    return certificates


def replace(folder: Path, certificate: Certificate) -> None:
    """Puts files in the place of those before. The new ones have numbers of their own: clocks of files are coarse."""
    for path in certificate.write(folder, "new").values():
        os.replace(path, folder / f"server{Path(path).suffix}")


class Watched:
    """A watch over the files of a folder, whose ticks the test makes."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.folder = folder
        self.config = Config(**localhost().write(folder), **settings)
        self.served: list[int] = []
        self.watch = CertificateWatch(self.config, read(self.config), log, self.serve)

    def serve(self, renewed: Certificates) -> None:
        self.served.append(serial(renewed.context))

    def write(self, certificate: Certificate) -> None:
        replace(self.folder, certificate)

    async def look(self, ticks: int = 2 * LOOK_TICKS) -> None:
        """Ticks until a change has been noticed, and waits for what is read."""
        for _ in range(ticks):
            self.watch.tick()
            await until(lambda: self.watch._reading is None)


@each_loop
def test_new_files_are_served(loop_name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        watched = Watched(tmp_path)
        await watched.look()
        assert watched.served == []
        first, second = authority().issue(), authority().issue(ends=NOW - DAY / 2)
        watched.write(first)
        await watched.look()
        assert watched.served == [first.serial]
        await watched.look()
        assert watched.served == [first.serial]
        ends = NOW + 365 * DAY
        assert f"certificates are renewed: {tmp_path}/server.pem (localhost; until {ends:%Y-%m-%d})" in caplog.text
        watched.serve = lambda renewed: watched.served.append(0)  # type: ignore[method-assign]
        watched.watch._on_renewed = watched.serve
        watched.write(second)
        await watched.look()
        assert watched.served == [first.serial, 0]
        assert "server.pem (localhost) has expired on" in caplog.text

    run_on(loop_name, main)


def test_what_does_not_fit_is_told_once_and_changes_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        watched = Watched(tmp_path)
        key = Path(watched.config.keyfile or "")
        watched.write(Certificate(localhost().chain, authority().issue().key, 0))
        await watched.look(20)
        assert watched.served == []
        told = "the certificates from before go on, new ones do not fit: keyfile: "
        assert caplog.text.count(told) == caplog.text.count("go on") == 1
        key.unlink()
        await watched.look(20)
        assert caplog.text.count("cannot be read as a file: No such file or directory") == 1
        assert caplog.text.count("go on") == 2
        renewed = authority().issue()
        watched.write(renewed)
        await watched.look()
        assert watched.served == [renewed.serial]

    run_on("asyncio", main)


def test_what_failed_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        watched = Watched(tmp_path)
        failures = ["no descriptors", "no descriptors", "no store"]

        def flaky(config: Config) -> Certificates | None:
            if failures:
                raise ConfigError(failures.pop(0))
            return read_certificates(config)

        monkeypatch.setattr(module, "read_certificates", flaky)
        renewed = authority().issue()
        watched.write(renewed)
        await watched.look()
        assert len(failures) == 2
        await watched.look(2 * RETRY_TICKS)
        assert (failures, watched.served) == ([], [])
        assert caplog.text.count("do not fit: no descriptors") == caplog.text.count("do not fit: no store") == 1
        await watched.look(3 * RETRY_TICKS)
        assert watched.served == [renewed.serial]

    run_on("asyncio", main)


def test_files_are_read_when_they_have_been_still_for_a_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        watched = Watched(tmp_path)
        prints = [1]
        reads: list[int] = []
        monkeypatch.setattr(module, "fingerprint", lambda files: (tuple(prints),))
        monkeypatch.setattr(module, "read_certificates", lambda config: reads.append(prints[0]))
        for _ in range(3 * LOOK_TICKS):
            prints[0] += 1
            await watched.look(1)
        assert reads == []
        await watched.look(1)
        assert reads == [prints[0]]
        await watched.look()
        assert reads == [prints[0]]

    run_on("asyncio", main)


def test_what_changes_while_it_is_read_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        watched = Watched(tmp_path)
        first, second = authority().issue(), authority().issue()

        def slow(config: Config) -> Certificates | None:
            made = read_certificates(config)
            if len(watched.served) == 0:
                watched.write(second)
            return made

        monkeypatch.setattr(module, "read_certificates", slow)
        watched.write(first)
        await watched.look()
        await watched.look()
        assert watched.served == [first.serial, second.serial]

    run_on("asyncio", main)


def test_links_that_are_turned_are_followed(tmp_path: Path) -> None:
    """As Kubernetes mounts secrets: files are links through ..data, which is a link that is replaced."""

    async def main() -> None:
        renewed = authority().issue()
        for number, certificate in (("1", localhost()), ("2", renewed)):
            (tmp_path / number).mkdir()
            certificate.write(tmp_path / number)
            for file in (tmp_path / number).iterdir():
                os.utime(file, (1000, 1000))
        (tmp_path / "..data").symlink_to("1")
        for name in ("server.pem", "server.key"):
            (tmp_path / name).symlink_to(f"..data/{name}")
        config = Config(certfile=str(tmp_path / "server.pem"), keyfile=str(tmp_path / "server.key"))
        watched = Watched.__new__(Watched)
        watched.served = []
        watched.watch = CertificateWatch(config, read(config), log, watched.serve)
        await watched.look()
        (tmp_path / "..new").symlink_to("2")
        os.replace(tmp_path / "..new", tmp_path / "..data")
        await watched.look()
        assert watched.served == [renewed.serial]

    run_on("asyncio", main)


@pytest.mark.parametrize("why", ["setting", "no files", "ended"])
def test_when_nothing_is_watched(why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        context = Config(**localhost().write(tmp_path)).create_ssl_context()
        config = Config(**localhost().write(tmp_path), watch_certificates=why != "setting")
        if why == "no files":
            config = Config(ssl_context=lambda config, default: context)
        watch = CertificateWatch(config, read(config), log, lambda renewed: pytest.fail("nothing is watched"))
        if why == "ended":
            watch.end()
        monkeypatch.setattr(module, "fingerprint", lambda files: pytest.fail("nothing is watched"))
        for _ in range(10):
            watch.tick()

    run_on("asyncio", main)


def test_what_is_read_when_the_watch_ends_is_forgotten(tmp_path: Path) -> None:
    async def main() -> None:
        watched = Watched(tmp_path)
        watched.write(authority().issue())
        while watched.watch._reading is None:
            watched.watch.tick()
        watched.watch.end()
        await until(lambda: watched.watch._reading is None)
        assert watched.served == []

    run_on("asyncio", main)


def test_an_end_that_comes_near_is_told_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        config = Config(**localhost().write(tmp_path), watch_certificates=False)
        watch = CertificateWatch(config, read(config), log, lambda renewed: None)
        notices = ["a expires"]
        monkeypatch.setattr(module, "validity_notices", lambda facts: notices)
        for _ in range(END_TICKS - 1):
            watch.tick()
        assert caplog.messages == []
        for _ in range(2 * END_TICKS):
            watch.tick()
        assert caplog.messages == ["a expires"]
        notices.append("b expires")
        for _ in range(END_TICKS):
            watch.tick()
        assert caplog.messages == ["a expires", "b expires"]

    run_on("asyncio", main)


def test_certificates_in_words(tmp_path: Path) -> None:
    many = authority().issue(*(f"{letter}.example" for letter in "abcdefg")).write(tmp_path, "many")
    config = Config(**localhost().write(tmp_path), certificates=[many, {**many, "names": ["x.example"]}])
    end = f"{NOW + 365 * DAY:%Y-%m-%d}"
    assert read(config).text == (
        f"{tmp_path}/server.pem (localhost; until {end}), {tmp_path}/many.pem (a.example, b.example, c.example, "
        f"d.example and 3 more; until {end}), {tmp_path}/many.pem (x.example; until {end})"
    )
    assert not read(config).is_stale()
    assert not read(config).unreadable()


# --- contexts that are made by others ---------------------------------------------------------------------------------


def own_config(make: Callable[[Any], object], **facts: object) -> Config:
    kind: Any = type("Own", (Config,), {"create_ssl_context": make, **facts})
    made: Config = kind()
    return made


def test_a_subclass_makes_the_context(tmp_path: Path) -> None:
    context = Config(**localhost().write(tmp_path)).create_ssl_context()
    config = own_config(lambda self: context, ssl_enabled=property(lambda self: True))
    assert config.freeze().ssl_enabled
    assert read(config).context is context
    assert read(config).text == "a context of the application's own"

    class Further(Config):
        def create_ssl_context(self) -> ssl.SSLContext | None:
            made = super().create_ssl_context()
            assert made is not None
            made.load_verify_locations(authority().write(tmp_path))
            return made

    (tmp_path / "store.p12").write_bytes(b"\x30\x82")
    config = own_config(lambda self: context, certfile=str(tmp_path / "store.p12"))
    assert (read(config).context, read(config).text) == (context, "a context of the application's own")
    assert read(config).files == (str(tmp_path / "store.p12"),)
    further = Further(**localhost().write(tmp_path), verify_mode="CERT_REQUIRED")
    assert read(further).context.get_ca_certs() != []


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (own_config(lambda self: ssl.create_default_context()), "TLS is off; set certfile, or override ssl_enabled"),
        (own_config(lambda self: None, ssl_enabled=True), r"create_ssl_context\(\) returned NoneType; it must return"),
        (own_config(lambda self: 5, ssl_enabled=True), r"create_ssl_context\(\) returned int; it must return an ssl"),
        (own_config(lambda self: 1 / 0, ssl_enabled=True), "failed: ZeroDivisionError: division by zero"),
        (own_config(lambda self: ssl.create_default_context(), ssl_enabled=True), "a context for clients"),
    ],
)
def test_plain_http_is_never_served_instead(config: Config, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_certificates(config)


def test_without_tls_there_are_none() -> None:
    assert read_certificates(Config()) is None
    assert read_again(Config(), None, log) is None


def test_clients_cannot_be_verified_by_nobody(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="verify_mode: no client's certificate could be verified; set ca_certs"):
        read_certificates(Config(**localhost().write(tmp_path), verify_mode="CERT_OPTIONAL"))


# --- without root -----------------------------------------------------------------------------------------------------


def test_what_may_not_be_read_any_more_is_kept(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = Config(**localhost().write(tmp_path))
    before = read(config)
    tell_unreadable(before, config, log)
    assert caplog.text == ""
    Path(config.keyfile or "").unlink()
    with pytest.raises(ConfigError, match="No such file"):
        read_again(config, None, log)
    monkeypatch.setattr(os, "access", lambda path, mode: not path.endswith("server.key"))
    tell_unreadable(before, config, log)
    assert f"this user may not read {tmp_path}/server.key: a renewal is served after a restart" in caplog.text
    assert read_again(config, before, log) is before
    assert "the certificates that were read before root was given up stay" in caplog.text
    config.certfile = "/no/other.pem"
    with pytest.raises(ConfigError, match="No such file"):
        read_again(config, before, log)
    caplog.clear()
    config.watch_certificates = False
    tell_unreadable(before, config, log)
    assert caplog.text == ""


def test_keys_are_read_before_root_is_given_up(tmp_path: Path) -> None:
    if getattr(os, "geteuid", lambda: 1)() != 0:
        pytest.skip("only root can become another user")
    from fastcorn.run import bound_as_root

    config = Config(**localhost().write(tmp_path), user=NOBODY, group=NOBODY, bind=["127.0.0.1:0"])
    (tmp_path / "server.key").chmod(0o600)

    def find() -> str:
        sockets = bound_as_root(config, config.freeze())
        assert sockets is not None
        given = sockets.certificates
        with pytest.raises(ConfigError, match="Permission denied"):
            read_certificates(config)
        return str([serial(given.context), read_again(config, given, log) is given])

    assert in_a_child(find) == str([localhost().serial, True])


# --- a worker ---------------------------------------------------------------------------------------------------------


if sys.platform != "win32":
    from fastcorn.asgi.application import wrap
    from fastcorn.worker.worker import Worker
    from tests.applications import answering


def worker_of(config: Config) -> Worker:
    config.bind = ["127.0.0.1:0"]
    config.errorlog = log
    config.lifespan = "off"
    return Worker(wrap(answering(b"ok")), config)


async def ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n")
    assert (await reader.readuntil(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")


async def connected(worker: Worker) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, int]:
    """A connection, and the serial number of the certificate that it got."""
    port = int(worker.urls[0].rpartition(":")[2])
    reader, writer = await asyncio.open_connection("localhost", port, ssl=authority().trust(), family=2)
    return reader, writer, int(writer.get_extra_info("peercert")["serialNumber"], 16)


@each_loop
@pytest.mark.parametrize("limited", [False, True])
def test_new_connections_get_the_new_certificate_and_old_ones_go_on(
    loop_name: str, limited: bool, tmp_path: Path
) -> None:
    async def main() -> None:
        config = Config(**localhost().write(tmp_path), max_connections=100 if limited else None)
        worker = worker_of(config)
        await worker.start()
        try:
            assert worker.urls[0].startswith("https://127.0.0.1:")
            reader, writer, number = await connected(worker)
            assert number == localhost().serial
            await ask(reader, writer)
            renewed = authority().issue()
            replace(tmp_path, renewed)
            watch = worker._watch
            assert watch is not None
            for _ in range(2 * LOOK_TICKS):
                watch.tick()
                await until(lambda: watch._reading is None)
            new_reader, new_writer, number = await connected(worker)
            assert number == renewed.serial
            await ask(new_reader, new_writer)
            await ask(reader, writer)
            for one in (writer, new_writer):
                one.close()
        finally:
            worker.force()
            await worker.stop()

    run_on(loop_name, main)


def test_a_reload_reads_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stop that comes meanwhile is not kept waiting either, and the new application is not begun."""

    async def main() -> None:
        config = Config(**localhost().write(tmp_path))
        worker = worker_of(config)
        await worker.start()
        reading, may_go_on = threading.Event(), threading.Event()

        def slow(config: Config) -> Certificates | None:
            reading.set()
            assert may_go_on.wait(LIMIT_SECONDS)
            return read_certificates(config)

        monkeypatch.setattr(module, "read_certificates", slow)
        reload = asyncio.ensure_future(worker.reload(wrap(answering(b"new")), config))
        try:
            await until(reading.is_set)
            _, writer, _ = await connected(worker)
            writer.close()
            worker.force()
            await worker.stop()
        finally:
            may_go_on.set()
        with pytest.raises(ShutdownError, match="during the reload"):
            await reload

    run_on("asyncio", main)


@pytest.mark.parametrize("fits", [True, False])
def test_what_was_read_before_the_fork_is_not_served_when_it_is_old(
    fits: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        config = Config(**localhost().write(tmp_path), bind=["127.0.0.1:0"])
        sockets = config.create_sockets()
        sockets.certificates = read_certificates(config)
        renewed = authority().issue()
        replace(tmp_path, renewed if fits else Certificate(renewed.chain, localhost().key, 0))
        worker = worker_of(config)
        worker._sockets = sockets
        await worker.start()
        try:
            _, writer, number = await connected(worker)
            assert number == (renewed.serial if fits else localhost().serial)
            assert ("new ones do not fit" in caplog.text) != fits
            writer.close()
        finally:
            worker.force()
            await worker.stop()

    run_on("asyncio", main)


def test_a_reload_tells_of_a_certificate_that_has_ended(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        worker = worker_of(Config(**localhost().write(tmp_path)))
        await worker.start()
        try:
            replace(tmp_path, authority().issue(begins=NOW - 3 * DAY, ends=NOW - DAY))
            config = Config(certfile=worker.settings.certfile, keyfile=worker.settings.keyfile)
            await worker.reload(wrap(answering(b"new")), config)
        finally:
            worker.force()
            await worker.stop()

    with caplog.at_level(logging.INFO, logger=log.name):
        run_on("asyncio", main)
    assert any(line.startswith("certificates are renewed: ") for line in caplog.messages)
    assert any("expired" in record.getMessage() for record in caplog.records if record.levelno == logging.WARNING)
