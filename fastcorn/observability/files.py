# SPDX-License-Identifier: MIT
"""Log files, and opening them anew when they were moved away (logrotate).

Used by fastcorn.observability.handlers for the files that settings name, and by Logger.reopen(). A file is opened anew
under the descriptor that it has: nothing is lost between two files, and who holds the descriptor (faulthandler, which
writes the stacks of a worker that hangs) goes on writing to the right place.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class LogFile(logging.FileHandler):
    """Appends to a file, and to a new one of the same name when the file was moved away or removed.

    A new file that cannot be opened (the directory is root's and the server no longer is) does no harm: lines go on to
    the file that is open, the first of them says why.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, encoding="utf-8")
        self._identity = identity_of(self.stream)
        self._failed = False

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record."""
        if self._moved():
            try:
                self.reopen()
            except OSError as error:
                self._tell_failure(error)
        super().emit(record)

    def reopen(self) -> None:
        """Opens the file anew.

        Raises:
            OSError: it cannot be opened; the file from before is written to.
        """
        with locked(self):
            reopen_stream(self)
            self._identity = identity_of(self.stream)
            self._failed = False

    def _moved(self) -> bool:
        if self._identity is None:
            return False
        try:
            status = os.stat(self.baseFilename)
            return (status.st_dev, status.st_ino) != self._identity
        except FileNotFoundError:
            return True
        except OSError:
            return False

    def _tell_failure(self, error: OSError) -> None:
        if not self._failed:
            self._failed = True
            text = f"cannot reopen {self.baseFilename!r}: {error.strerror}; this file is written on"
            super().emit(logging.LogRecord("fastcorn.error", logging.ERROR, "", 0, text, None, None))


def reopen_files(loggers: list[logging.Logger]) -> list[str]:
    """Opens the files of all handlers of some loggers anew.

    Returns:
        What went wrong, a line for each; those files are written on.
    """
    problems = []
    for handler in handlers_of(loggers):
        if not isinstance(handler, logging.FileHandler):
            continue
        try:
            if isinstance(handler, LogFile):
                handler.reopen()
            else:
                with locked(handler):
                    reopen_stream(handler)
        except OSError as error:
            problems.append(f"cannot reopen {handler.baseFilename!r}: {error.strerror}; the old file is written on")
    return problems


def handlers_of(loggers: list[logging.Logger]) -> list[logging.Handler]:
    """The handlers that get the records of some loggers, each once."""
    found: dict[int, logging.Handler] = {}
    for logger in loggers:
        current: logging.Logger | None = logger
        while current is not None:
            found.update((id(handler), handler) for handler in current.handlers)
            current = current.parent if current.propagate else None
    return list(found.values())


def reopen_stream(handler: logging.FileHandler) -> None:
    """Opens the file of a handler anew, under the same descriptor.

    Raises:
        OSError: it cannot be opened, and nothing has changed.
    """
    stream: Any = handler.stream
    # None: it is opened with its first record (delay), or closed.
    if stream is None or identity_of(stream) is None:
        return
    # Never truncates, whatever mode the handler began with: the file may be the one of before.
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
    fresh = os.open(handler.baseFilename, flags, 0o666)
    try:
        handler.flush()
        os.dup2(fresh, stream.fileno(), inheritable=False)
    finally:
        os.close(fresh)
    restat = getattr(handler, "_statstream", None)
    if restat is not None:
        restat()  # a WatchedFileHandler would take the new file for a moved one


def identity_of(stream: Any) -> tuple[int, int] | None:
    """Device and inode of an open file; None for a terminal, a pipe and the like, which nobody moves away."""
    status = os.fstat(stream.fileno())
    return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None


@contextlib.contextmanager
def locked(handler: logging.Handler) -> Iterator[None]:
    handler.acquire()
    try:
        yield
    finally:
        handler.release()
