# SPDX-License-Identifier: MIT
"""Errors that stop a server, each with the exit code of the process it ends, and errors raised from `send()`.

The former are raised by the application loader, the lifespan, the listeners and the logs, and caught by
fastcorn.run.run(), which prints one line and returns the code; the latter are raised by the cycles in fastcorn.asgi
into an application, which may catch them and need not. A leaf: it imports nothing of fastcorn.

Codes: 0 stopped as asked, 1 failed while running or could not listen, 2 a wrong setting or command line, 3 the
application refused to start, 4 the application could not be loaded (3 and 4 as gunicorn has them), 128 + n a second
signal n cut a stop short.
"""

from __future__ import annotations

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_STARTUP = 3
EXIT_APPLICATION = 4
EXIT_SIGNAL_BASE = 128


class FastcornError(Exception):
    """Base of the errors that end a server; its text is one line for the person who started it."""

    exit_code = EXIT_FAILURE


class NoAppError(FastcornError):
    """The application named on the command line or in the configuration cannot be loaded."""

    exit_code = EXIT_APPLICATION


class AppImportError(NoAppError):
    """The application's own code raised while it was imported or made; __cause__ is what it raised."""


class WarmupError(FastcornError):
    """The request of the setting warmup was not answered as a healthy application would.

    Args:
        request: the request.
        problem: what happened, after "the warm-up request ...".
    """

    exit_code = EXIT_STARTUP

    def __init__(self, request: str, problem: str) -> None:
        super().__init__(f"the warm-up request {request} {problem}; the application is not ready (setting warmup)")


class HookError(FastcornError):
    """The hook on_starting raised, or a hook cannot be found; __cause__ is what it raised."""

    exit_code = EXIT_USAGE


class ShutdownError(FastcornError):
    """A stop that was asked for did not end well."""


class LifespanTimeoutError(FastcornError):
    """The application did not answer a lifespan event in time.

    Args:
        stage: "startup" or "shutdown"; also names the setting, <stage>_timeout.
        seconds: how long was waited, or None when that is not known.
    """

    exit_code = EXIT_STARTUP

    def __init__(self, stage: str, seconds: float | None = None) -> None:
        waited = "in time" if seconds is None else f"within {seconds:g} s"
        super().__init__(f"the application did not answer lifespan.{stage} {waited} (setting {stage}_timeout)")
        self.stage = stage
        if stage != "startup":
            self.exit_code = EXIT_FAILURE


class LifespanFailureError(FastcornError):
    """The application failed its startup or its shutdown.

    Args:
        stage: "startup" or "shutdown".
        message: what the application said, or what it raised; may be empty.
    """

    exit_code = EXIT_STARTUP

    def __init__(self, stage: str, message: str = "") -> None:
        super().__init__(f"the application failed its {stage}" + (f": {message}" if message else ""))
        self.stage = stage
        self.message = message
        if stage != "startup":
            self.exit_code = EXIT_FAILURE


class UnexpectedMessageError(FastcornError):
    """The application sent a message that has no meaning in the state the exchange is in.

    Args:
        state: what the exchange is doing, in words.
        message_type: the "type" of the message.
    """

    def __init__(self, state: object, message_type: str) -> None:
        super().__init__(f"unexpected message {message_type!r} while {state}")


class ClientDisconnected(OSError):
    """The client has gone, so what was sent went nowhere (ASGI HTTP 2.4: `send()` raises a subclass of OSError).

    The server recognises this error when it leaves the application and does not log it as a mistake.
    """


class MessageError(RuntimeError):
    """The application sent a message that is malformed or out of order; the text names the mistake and the remedy."""
