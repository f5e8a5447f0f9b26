# SPDX-License-Identifier: MIT
"""Targets of logs -> logging.Logger objects: the standard streams, files, and loggers that others have set up.

Called by fastcorn.observability.logger. The handlers of a logger that somebody configured are never touched; a line is
written once, also when several servers of one process log to the same place.
"""

from __future__ import annotations

import logging
import sys
import threading
from typing import TextIO

from fastcorn.config.errors import ConfigError
from fastcorn.observability.files import LogFile

LINE_FORMAT = "%(asctime)s [%(process)d] [%(levelname)s] %(message)s"
TIME_FORMAT = "[%Y-%m-%d %H:%M:%S %z]"

_lock = threading.Lock()
_made: dict[tuple[str, str], logging.Logger] = {}


class StandardStream(logging.StreamHandler[TextIO]):
    """Writes to sys.stdout or sys.stderr as it is now: programs and tests exchange those while the server runs.

    Args:
        name: "stdout" or "stderr".
    """

    def __init__(self, name: str) -> None:
        logging.Handler.__init__(self)
        self._stream_name = name

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        stream: TextIO = getattr(sys, self._stream_name)
        return stream

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record; without the stream (a service without a console) it is dropped."""
        if getattr(sys, self._stream_name) is not None:
            super().emit(record)


def silent_logger(name: str) -> logging.Logger:
    """A logger that writes nothing."""
    logger = logging.Logger(name, logging.CRITICAL + 1)
    logger.addHandler(logging.NullHandler())
    logger.propagate = False
    return logger


def open_logger(
    name: str, target: str | logging.Logger | None, stream: str, level: str, setting: str
) -> logging.Logger:
    """The logger for a target.

    Args:
        name: "fastcorn.access" or "fastcorn.error".
        target: "-" for the standard stream, a path, a logger to be used as it is, or None for silence.
        stream: "stdout" or "stderr", what "-" means.
        level: the least level that is logged, by name.
        setting: the name of the setting, for errors.

    Raises:
        ConfigError: a file cannot be opened.
    """
    if target is None:
        return silent_logger(name)
    if isinstance(target, logging.Logger):
        return target
    with _lock:
        logger = _made.get((name, target))
        if logger is None:
            logger = _made[name, target] = _make(name, target, stream, setting)
    logger.setLevel(level.upper())
    logger.disabled = False  # an application that configures logging may have switched off loggers it did not name
    return logger


def _make(name: str, target: str, stream: str, setting: str) -> logging.Logger:
    logger = logging.getLogger(name)
    if any(made is logger for made in _made.values()):
        logger = logging.Logger(name)  # the shared one writes to another target already
    elif logger.handlers:
        return logger  # somebody has said where it is to go
    handler = StandardStream(stream) if target == "-" else _open_file(target, setting)
    handler.setFormatter(logging.Formatter(LINE_FORMAT, TIME_FORMAT))
    logger.addHandler(handler)
    logger.propagate = False  # the root logger's handlers would write the line once more
    return logger


def _open_file(path: str, setting: str) -> logging.Handler:
    try:
        return LogFile(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path!r}: {error.strerror or error}", setting=setting) from None
