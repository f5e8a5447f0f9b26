# SPDX-License-Identifier: MIT
"""Settings of features that are not there yet.

They are accepted and checked, so that a configuration can be carried over, but a server that ignored them could be
unsafe or surprising: check_pending() refuses those, and names the others for the log. Called by the worker at start and
by the check command.
"""

from __future__ import annotations

from fastcorn.config.errors import ConfigError
from fastcorn.config.table import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from fastcorn.config.setting import Setting
    from fastcorn.config.settings import Settings

REMEDIES = {
    "worker_class": "set it to auto, uvloop or asyncio",
    "quic_bind": "let a proxy in front do HTTP/3",
}


def check_pending(settings: Settings) -> list[str]:
    """Refuses settings that must not be ignored, and returns a line for the log for each one that is ignored.

    Raises:
        ConfigError: names the setting, its origin, and what to do instead.
    """
    check_websocket_engine(settings)
    check_http2_engine(settings)
    lines = []
    for setting in SETTINGS.values():
        if not setting.later or not is_wanted(settings, setting):
            continue
        origin = settings.origin(setting.name)
        if setting.refused:
            problem = f"{setting.later} is not available yet; {REMEDIES[setting.name]}"
            raise ConfigError(problem, setting=setting.name, origin=origin)
        lines.append(f"{setting.name} ({origin}) has no effect: {setting.later} is not available yet")
    return lines


def check_websocket_engine(settings: Settings) -> None:
    """Refuses an engine whose package is missing now, not at the first WebSocket."""
    if settings.websocket_engine != "wsproto":
        return
    import importlib.util

    if importlib.util.find_spec("wsproto") is None:
        raise ConfigError(
            "the package wsproto is not installed; pip install 'fastcorn[wsproto]', or set it to auto or native",
            setting="websocket_engine",
            origin=settings.origin("websocket_engine"),
        )


def check_http2_engine(settings: Settings) -> None:
    """Refuses an engine whose package is missing now, not at the first connection."""
    if settings.http2_engine != "h2":
        return
    import importlib.util

    if importlib.util.find_spec("h2") is None:
        raise ConfigError(
            "the package h2 is not installed; pip install 'fastcorn[h2]', or set it to auto or native",
            setting="http2_engine",
            origin=settings.origin("http2_engine"),
        )


def is_wanted(settings: Settings, setting: Setting) -> bool:
    """Whether the value asks for what is not there; worker_class = asyncio does not."""
    value = getattr(settings, setting.name)
    if setting.name == "worker_class":
        return bool(value == "trio")
    default = tuple(setting.default) if isinstance(setting.default, list) else setting.default
    return bool(value != default)
