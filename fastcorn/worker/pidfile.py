# SPDX-License-Identifier: MIT
"""The file that holds the process id (setting pid_path). Entered by fastcorn.run around a server's life."""

from __future__ import annotations

import contextlib
import os
from types import TracebackType
from typing import Self

from fastcorn.config.errors import ConfigError


class PidFile:
    """Holds the id of this process while entered; removed at the end unless another process has written its own.

    Args:
        path: the file, or None for none.
    """

    def __init__(self, path: str | None) -> None:
        self._path = None if path is None else os.path.abspath(path)

    def __enter__(self) -> Self:
        if self._path is not None:
            try:
                with open(self._path, "w", encoding="ascii") as file:
                    file.write(f"{os.getpid()}\n")
            except OSError as error:
                problem = f"cannot write {self._path!r}: {error.strerror or error}"
                raise ConfigError(problem, setting="pid_path") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._path is None:
            return
        with contextlib.suppress(OSError):
            with open(self._path, encoding="ascii", errors="replace") as file:
                ours = file.read().strip() == str(os.getpid())
            if ours:
                os.unlink(self._path)
