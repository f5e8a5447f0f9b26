# SPDX-License-Identifier: MIT
"""Errors that fastcorn raises into applications from `send()`.

Raised by the cycles in `fastcorn.asgi`; an application may catch them, and need not.
"""

from __future__ import annotations


class ClientDisconnected(OSError):
    """The client has gone, so what was sent went nowhere (ASGI HTTP 2.4: `send()` raises a subclass of OSError).

    The server recognises this error when it leaves the application and does not log it as a mistake.
    """


class MessageError(RuntimeError):
    """The application sent a message that is malformed or out of order; the text names the mistake and the remedy."""
