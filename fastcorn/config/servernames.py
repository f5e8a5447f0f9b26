# SPDX-License-Identifier: MIT
"""Which certificate a client gets, by the name that it asks for in its hello (SNI, RFC 6066 section 3).

Made by fastcorn.config.tls; called by OpenSSL through ssl once in each handshake. A name that was given in the
configuration is stronger than one that a certificate holds itself, and of several that hold it the first one is taken.
Wildcards stand for one label, the leftmost (RFC 9525 section 6.3).
"""

from __future__ import annotations

import ssl
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class ServerNames:
    """Chooses the context of a handshake.

    Args:
        strict: whether a name that is unknown, or none, ends the handshake; else the first context stays.
    """

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self._given: dict[str, ssl.SSLContext] = {}
        self._held: dict[str, ssl.SSLContext] = {}

    def give(self, names: Iterable[str], context: ssl.SSLContext) -> str | None:
        """Takes names of the configuration; returns one that another context has already, or None."""
        for name in names:
            if self._given.setdefault(name, context) is not context:
                return name
        return None

    def hold(self, names: Iterable[str], context: ssl.SSLContext) -> None:
        """Takes the names that a certificate holds itself."""
        for name in names:
            self._held.setdefault(name, context)

    def find(self, name: str) -> ssl.SSLContext | None:
        """The context for a name, or None."""
        name = name.lower().rstrip(".")
        wildcard = "*." + name.partition(".")[2]
        for known in (self._given, self._held):
            context = known.get(name) or known.get(wildcard)
            if context is not None:
                return context
        return None

    def __call__(self, connection: ssl.SSLObject, name: str | None, first: ssl.SSLContext) -> int | None:
        """What SSLContext.sni_callback is: changes the connection's context, or returns the alert that ends it."""
        context = None if name is None else self.find(name)
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME if self.strict else None
        if context is not first:
            connection.context = context
        return None


def hush_bad_names() -> None:
    """Keeps names that are no ASCII out of the log.

    ssl refuses them with an alert before it calls the callback, and writes a traceback by sys.unraisablehook: anyone
    could fill the log. All else goes on to the hook that was there.
    """
    before = sys.unraisablehook
    if getattr(before, "is_fastcorns", False):
        return

    def hook(unraisable: Any) -> None:
        error = unraisable.exc_value
        if not (isinstance(error, UnicodeDecodeError) and error.object == unraisable.object):
            before(unraisable)

    hook.is_fastcorns = True  # type: ignore[attr-defined]
    sys.unraisablehook = hook
