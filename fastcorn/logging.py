# SPDX-License-Identifier: MIT
"""Hypercorn's name for the loggers: `from fastcorn.logging import Logger, AccessLogAtoms`."""

from __future__ import annotations

from fastcorn.observability.atoms import AccessLogAtoms
from fastcorn.observability.logger import Logger

__all__ = ["AccessLogAtoms", "Logger"]
