# SPDX-License-Identifier: MIT
"""The file that holds the process id (setting pid_path). Entered by fastcorn.run around a server's life."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from types import TracebackType
from typing import Self

from fastcorn.config.errors import ConfigError


class PidFile:
    """Holds the id of this process while entered; removed at the end unless another process has written its own.

    The file of a server that runs is left alone, and the start refused; what a dead one left is replaced.

    Args:
        path: the file, or None for none.
        user: the user that this process is about to become, which then owns the file; None stays who it is.
        group: the same for the group.
    """

    def __init__(self, path: str | None, user: int | None = None, group: int | None = None) -> None:
        self._path = None if path is None else os.path.abspath(path)
        self._pid = os.getpid()
        self._owner = (user, group)

    def __enter__(self) -> Self:
        if self._path is None:
            return self
        other = self._holder()
        if other is not None and other != self._pid and is_server(other):
            problem = f"{self._path!r} is that of process {other}, which runs; stop it, or name another file"
            raise ConfigError(problem, setting="pid_path")
        beside = f"{self._path}.{self._pid}"
        try:
            # Whoever reads the file finds a whole number, or no file.
            with open(beside, "w", encoding="ascii") as file:
                file.write(f"{self._pid}\n")
                if self._owner != (None, None) and os.geteuid() == 0:
                    user, group = (-1 if number is None else number for number in self._owner)
                    os.fchown(file.fileno(), user, group)
            os.replace(beside, self._path)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(beside)
            problem = f"cannot write {self._path!r}: {error.strerror or error}"
            raise ConfigError(problem, setting="pid_path") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Removes the file, unless another process has written its own."""
        if self._path is None or self._holder() != self._pid or os.getpid() != self._pid:
            return
        try:
            os.unlink(self._path)
        except OSError:
            # In a directory of root's, which was given up since: empty, it misleads nobody.
            with contextlib.suppress(OSError):
                os.truncate(self._path, 0)

    def _holder(self) -> int | None:
        """The process id that the file holds; None when there is none."""
        assert self._path is not None
        try:
            text = Path(self._path).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            return None
        return int(text) if text.isdecimal() and len(text) < 10 else None


def is_server(pid: int) -> bool:
    """Whether a process runs that may be a fastcorn: its number may have gone to another program since."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # it is another user's
    try:
        return b"fastcorn" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return not os.path.isdir("/proc/self")
