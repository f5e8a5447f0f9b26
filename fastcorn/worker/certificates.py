# SPDX-License-Identifier: MIT
"""The TLS that bind is served with: read at the start, and read again when its files have changed.

Read by fastcorn.run before root is given up, or by the worker; watched by fastcorn.worker.worker on its tick. Some
facts about how files are replaced: certbot and cert-manager turn a symbolic link, others write certificate and key one
after the other, or a file in several pieces. So all that a file is known by is looked at through its links, and files
are read when they have been still for a second; a pair that does not fit keeps the one from before.
"""

from __future__ import annotations

import asyncio
import os
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fastcorn.config.errors import ConfigError
from fastcorn.config.files import told
from fastcorn.config.tls import checked_context, tls_facts, tls_files, tls_notices, validity_notices

if TYPE_CHECKING:
    from fastcorn.config import Config
    from fastcorn.config.x509 import Facts

# Files are looked at each so many ticks of a second; a change takes a tick more to be taken.
LOOK_TICKS = 3

# What failed is tried again each so many: the cause may be other than the files, such as no descriptor or a store
# that was down.
RETRY_TICKS = 60

# Ends of certificates are looked at each hour.
END_TICKS = 3600

OWN_CONTEXT = "a context of the application's own"

Print = tuple[tuple[int, ...] | None, ...]


@dataclass(frozen=True)
class Certificates:
    """A TLS context and what it was made of.

    Attributes:
        context: for new connections.
        files: those that the settings name.
        prints: what the files were known by just before they were read.
        notices: lines for the log: certificates that have expired, settings that do nothing.
        text: the certificates in words.
        facts: what each certificate says, with its file.
    """

    context: ssl.SSLContext
    files: tuple[str, ...]
    prints: Print
    notices: tuple[str, ...]
    text: str
    facts: tuple[tuple[str, Facts], ...]

    def is_stale(self) -> bool:
        """Whether the files are not those any more that were read."""
        return fingerprint(self.files) != self.prints

    def unreadable(self) -> list[str]:
        """Files that this process may not read, having given up root."""
        return [path for path in self.files if not os.access(path, os.R_OK)]


def read_certificates(config: Config) -> Certificates | None:
    """Makes the TLS context of a configuration; None without TLS.

    Raises:
        ConfigError: a file cannot be read or does not fit, or what makes the context failed; plain HTTP is never served
            in its place.
    """
    files = tls_files(config) if config.ssl_enabled else ()
    prints = fingerprint(files)
    context = make_context(config)
    if context is None:
        return None
    try:
        notices, text = tuple(tls_notices(config)), in_words(config)
        facts = tuple((chain.certfile, facts) for chain, facts in tls_facts(config))
    except ConfigError:
        if not makes_own_context(config):
            raise
        notices, text, facts = (), OWN_CONTEXT, ()  # certfile is in a form that only they know
    return Certificates(context, files, prints, notices, text, facts)


def make_context(config: Config) -> ssl.SSLContext | None:
    """What create_ssl_context() makes, which may be a subclass's, if it can be used."""
    try:
        made: object = config.create_ssl_context()
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"create_ssl_context() failed: {told(error)}") from error
    if made is None and not config.ssl_enabled:
        return None
    if not config.ssl_enabled:
        raise ConfigError("create_ssl_context() made a context, but TLS is off; set certfile, or override ssl_enabled")
    context = checked_context(made, "create_ssl_context()", ConfigError)
    if context.verify_mode and config.ca_certs is None and not makes_own_context(config):
        problem = "no client's certificate could be verified; set ca_certs to those of the authorities that sign them"
        raise ConfigError(problem, setting="verify_mode", origin=config.origin("verify_mode"))
    return context


def makes_own_context(config: Config) -> bool:
    """Whether the context is made by other code than fastcorn's."""
    from fastcorn.config.config import Config

    return config.ssl_context is not None or getattr(config.create_ssl_context, "__func__", None) is not (
        Config.create_ssl_context
    )


def in_words(config: Config) -> str:
    """Each certificate with its names and the day of its end."""
    texts = []
    for chain, facts in tls_facts(config):
        names = chain.names or facts.names or (facts.subject,)
        shown = ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
        texts.append(f"{chain.certfile} ({shown or 'no name'}; until {facts.ends:%Y-%m-%d})")
    return ", ".join(texts) or OWN_CONTEXT


def read_again(config: Config, before: Certificates | None, log: Any) -> Certificates | None:
    """As read_certificates(), for a server that runs: what may not be read since root was given up is kept.

    Raises:
        ConfigError: as read_certificates().
    """
    try:
        return read_certificates(config)
    except ConfigError as error:
        if before is None or before.files != tls_files(config) or not before.unreadable():
            raise
        log.warning("%s; the certificates that were read before root was given up stay", error)
        return before


def tell_unreadable(certificates: Certificates | None, config: Config, log: Any) -> None:
    """Warns, where root was given up, of files whose renewal cannot be noticed."""
    if certificates is not None and config.watch_certificates and (unreadable := certificates.unreadable()):
        problem = "this user may not read %s: a renewal is served after a restart only"
        log.warning(problem, ", ".join(unreadable))


def fingerprint(files: tuple[str, ...]) -> Print:
    """What the files are known by; None for one that cannot be seen."""
    return tuple(map(print_of, files))


def print_of(path: str) -> tuple[int, ...] | None:
    try:
        status = os.stat(path)
    except (OSError, ValueError):
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class CertificateWatch:
    """Looks after certificates in the running loop.

    Args:
        config: what they are read by.
        certificates: those that are served.
        log: is told of renewals and of files that do not fit.
        on_renewed: called with the new ones.
    """

    def __init__(
        self, config: Config, certificates: Certificates, log: Any, on_renewed: Callable[[Certificates], None]
    ) -> None:
        self._config = config
        self._files = certificates.files
        self._facts = certificates.facts
        self._told = set(certificates.notices)
        self._log = log
        self._on_renewed = on_renewed
        self._known = certificates.prints
        self._seen = certificates.prints
        self._ticks = 0
        self._reading: asyncio.Future[Certificates | None] | None = None
        self._failure: str | None = None
        self._ended = False
        self._looking = config.watch_certificates and bool(self._files) and not certificates.unreadable()

    def end(self) -> None:
        """Looks no more; what is being read is forgotten."""
        self._ended = True

    def tick(self) -> None:
        """Once a second."""
        if self._ended:
            return
        self._ticks += 1
        if self._ticks % END_TICKS == 0:
            self._tell_ends()
        if self._looking and self._reading is None:
            self._look()

    def _tell_ends(self) -> None:
        """Each once: a renewal that does not come is noticed before clients notice it."""
        for line in validity_notices(self._facts):
            if line not in self._told:
                self._told.add(line)
                self._log.warning("%s", line)

    def _look(self) -> None:
        if self._seen == self._known and self._ticks % LOOK_TICKS:
            return
        now = fingerprint(self._files)
        if now == self._seen != self._known:
            self._failure = None
            self._read()
        elif now == self._seen and self._failure is not None and self._ticks % RETRY_TICKS == 0:
            self._read()
        self._seen = now

    def _read(self) -> None:
        # A key under a password takes milliseconds, a file system over the network as long as it likes.
        loop = asyncio.get_running_loop()
        self._reading = loop.run_in_executor(None, read_certificates, self._config)
        self._reading.add_done_callback(self._was_read)
        self._known = self._seen

    def _was_read(self, reading: asyncio.Future[Certificates | None]) -> None:
        self._reading = None
        if reading.cancelled() or self._ended:
            return
        error = reading.exception()
        renewed = None if error is not None else reading.result()
        if renewed is None:
            failure = str(error or "TLS is off")
            if failure != self._failure:
                self._log.error("the certificates from before go on, new ones do not fit: %s", failure)
            self._failure = failure
            return
        self._failure = None
        self._known = self._seen = renewed.prints
        self._facts, self._told = renewed.facts, set(renewed.notices)
        self._on_renewed(renewed)
        tell(renewed, self._log)


def tell(renewed: Certificates, log: Any) -> None:
    """Says what is served from now on."""
    log.info("certificates are renewed: %s", renewed.text)
    for line in renewed.notices:
        log.warning("%s", line)
