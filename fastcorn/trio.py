# SPDX-License-Identifier: MIT
"""Serving from a running trio loop, under Hypercorn's name: `from fastcorn.trio import serve`.

The signature is settled, so that programs can be written against it; the body is not there yet. Importing this does not
import trio.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastcorn.config.errors import ConfigError

if TYPE_CHECKING:
    from fastcorn.config import Config
    from fastcorn.typing import Framework, Mode, ShutdownTrigger


async def serve(
    app: Framework,
    config: Config,
    *,
    shutdown_trigger: ShutdownTrigger | None = None,
    task_status: Any = None,
    mode: Mode | None = None,
) -> None:
    """Serves an application in the running trio loop until it is told to stop.

    Start it in a nursery with `await nursery.start(partial(serve, app, config))`; start_soon() takes no keywords.

    Args:
        app: an ASGI or WSGI application.
        config: the settings.
        shutdown_trigger: an async callable; the server stops when it returns.
        task_status: trio's; started() is called with the list of URLs.
        mode: "asgi" or "wsgi" where the kind of application cannot be told.

    Raises:
        ConfigError: always, as long as trio is not supported.
    """
    raise ConfigError("the trio worker is not available yet; use fastcorn.asyncio.serve, or worker_class asyncio")
