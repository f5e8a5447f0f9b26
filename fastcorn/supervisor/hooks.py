# SPDX-License-Identifier: MIT
"""Hooks: functions of the operator that are called at the steps of a server's life. Called by the supervisor and run."""

from __future__ import annotations

from typing import Any


class Hooks:
    """The hooks of one configuration.

    Args:
        settings: the frozen settings.
        log: gets the exceptions of hooks.
    """

    def __init__(self, settings: Any, log: Any) -> None:
        self._settings = settings
        self._log = log

    def call(self, name: str, **facts: Any) -> None:
        """Calls one hook with the facts of the event."""
