# SPDX-License-Identifier: MIT
"""Logger: what a server writes its logs with, under Hypercorn's name and with its methods.

Made by Config.log. The methods are coroutines, as Hypercorn's are, for subclasses and for code that calls them; the
server itself uses `error_log` and `access_log` of this module, which are plain functions and objects.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from fastcorn.config.errors import ConfigError
from fastcorn.observability.files import reopen_files
from fastcorn.observability.handlers import open_logger, silent_logger

if TYPE_CHECKING:
    from fastcorn.observability.atoms import Headers

# (scope, status, response header fields, bytes of the body, seconds); see fastcorn.observability.access.
AccessCallable = Callable[[Any, "int | None", "Headers", int, float], None]


class Logger:
    """Writes the access log and the error log of a server.

    Args:
        config: has access_log_format, accesslog, errorlog, loglevel, logconfig and logconfig_dict.

    Attributes:
        access_logger: where access lines go, or None when the access log is off.
        error_logger: where everything else goes, or None when the error log is off.

    Raises:
        ConfigError: a log cannot be opened or configured.
    """

    def __init__(self, config: Any) -> None:
        # What is not used is not imported: atoms, logging.config and what they bring cost a start some milliseconds.
        if config.logconfig is not None or config.logconfig_dict is not None:
            from fastcorn.observability.logconfig import apply_logconfig

            apply_logconfig(config.logconfig, config.logconfig_dict)
        level = config.loglevel
        self.access_log_format: str = config.access_log_format
        self.access_logger: logging.Logger | None = None
        self.error_logger: logging.Logger | None = None
        if config.accesslog:
            from fastcorn.observability.access import compile_format

            compile_format(self.access_log_format)  # a mistake is to be told while nothing has started yet
            self.access_logger = open_logger("fastcorn.access", config.accesslog, "stdout", level, "accesslog")
        if config.errorlog:
            self.error_logger = open_logger("fastcorn.error", config.errorlog, "stderr", level, "errorlog")

    def reopen(self) -> None:
        """Opens the log files anew, as SIGUSR1 asks for; one that cannot be opened is logged and written on."""
        loggers = [logger for logger in (self.access_logger, self.error_logger) if logger is not None]
        for problem in reopen_files(loggers):
            if self.error_logger is not None:
                self.error_logger.error("%s", problem)

    async def access(self, request: Any, response: Any, request_time: float) -> None:
        """Writes the line of an exchange; response has "status" and "headers", or is None."""
        if self.access_logger is not None:
            self.access_logger.info(self.access_log_format, self.atoms(request, response, request_time))

    def atoms(self, request: Any, response: Any, request_time: float) -> Mapping[str, Any]:
        """The mapping that the access log format is filled from; a subclass may add to it."""
        from fastcorn.observability.atoms import AccessLogAtoms

        return AccessLogAtoms(request, response, request_time)

    async def critical(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Logs to the error log, as logging.Logger.critical does."""
        await self.log(logging.CRITICAL, message, *args, **kwargs)

    async def error(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Logs to the error log, as logging.Logger.error does."""
        await self.log(logging.ERROR, message, *args, **kwargs)

    async def warning(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Logs to the error log, as logging.Logger.warning does."""
        await self.log(logging.WARNING, message, *args, **kwargs)

    async def info(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Logs to the error log, as logging.Logger.info does."""
        await self.log(logging.INFO, message, *args, **kwargs)

    async def debug(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Logs to the error log, as logging.Logger.debug does."""
        await self.log(logging.DEBUG, message, *args, **kwargs)

    async def exception(self, message: str, *args: Any, **kwargs: Any) -> None:
        """Logs to the error log with the exception that is being handled."""
        await self.log(logging.ERROR, message, *args, **{"exc_info": True, **kwargs})

    async def log(self, level: int, message: str, *args: Any, **kwargs: Any) -> None:
        """Logs to the error log, as logging.Logger.log does."""
        if self.error_logger is not None:
            self.error_logger.log(level, message, *args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or self.__dict__.get("error_logger") is None:
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(self.error_logger, name)


def error_log(log: Any) -> Any:
    """The object with plain methods error(), warning(), info() and debug() for what Config.log gave."""
    kind = type(log)
    if isinstance(log, Logger) and all(
        getattr(kind, name) is getattr(Logger, name) for name in (*PlainLog.METHODS, "log")
    ):
        return log.error_logger or silent_logger("fastcorn.error")
    return PlainLog(log)


def access_log(log: Any) -> AccessCallable | None:
    """The callable that writes access lines for what Config.log gave, or None when the access log is off."""
    logger = getattr(log, "access_logger", None)
    if isinstance(log, Logger) and logger is None and type(log).access is Logger.access:
        return None
    if isinstance(log, Logger) and (type(log).access, type(log).atoms) == (Logger.access, Logger.atoms):
        from fastcorn.observability.access import AccessLog

        assert logger is not None
        return AccessLog(log.access_log_format, logger) if logger.isEnabledFor(logging.INFO) else None

    def call(scope: Any, status: int | None, headers: Headers, body_bytes: int, duration: float) -> None:
        response = None if status is None else {"status": status, "headers": headers}
        finish(log.access(scope, response, duration))

    return call


class PlainLog:
    """Calls the methods of a logger class of Hypercorn's kind, which may be coroutine functions, from plain code.

    Args:
        log: an object with methods critical, error, warning, info, debug and exception.
    """

    METHODS = ("critical", "error", "warning", "info", "debug", "exception")

    def __init__(self, log: Any) -> None:
        missing = [name for name in ("error", "warning", "info", "debug") if not callable(getattr(log, name, None))]
        if missing:
            raise ConfigError(f"{type(log).__name__} has no method {missing[0]}()", setting="logger_class")
        self._log = log

    def __getattr__(self, name: str) -> Any:
        if name not in self.METHODS:
            raise AttributeError(name)
        method = getattr(self._log, name)
        return lambda *args, **kwargs: finish(method(*args, **kwargs))


_unfinished: set[asyncio.Task[Any]] = set()


def finish(result: Any) -> None:
    """Runs what a logging method returned, if that is a coroutine: as a task of the running loop, or on its own."""
    if not inspect.iscoroutine(result):
        return
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        asyncio.run(result)
        return
    task = asyncio.ensure_future(result)
    _unfinished.add(task)
    task.add_done_callback(_unfinished.discard)
