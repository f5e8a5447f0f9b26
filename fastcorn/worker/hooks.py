# SPDX-License-Identifier: MIT
"""Hooks: functions of the operator that are called at the steps of a server's life.

Called by fastcorn.supervisor and, where one process is the whole server, by fastcorn.worker.alone. Each is the value of
the setting of its name, a callable or a text that names one; it gets one LifecycleEvent.
"""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from fastcorn.asgi.reference import import_from
from fastcorn.config.config import load_object
from fastcorn.config.errors import ConfigError
from fastcorn.errors import HookError

if TYPE_CHECKING:
    from fastcorn.config import Settings
    from fastcorn.typing import LifecycleEvent

NAMES = ("on_starting", "when_ready", "on_worker_ready", "on_worker_exit", "on_reload", "on_exit")


class Hooks:
    """The hooks of one configuration.

    Args:
        settings: the frozen settings.
        log: gets what hooks raise; None until there is one.

    Raises:
        ConfigError: a hook cannot be found, or does not take one argument.
    """

    def __init__(self, settings: Settings, log: Any = None) -> None:
        self.log = log
        self._hooks: dict[str, Callable[[LifecycleEvent], object]] = {}
        for name in NAMES:
            value = getattr(settings, name)
            if isinstance(value, str):
                import_from(os.path.abspath(settings.app_dir or "."))
            if value is not None:
                self._hooks[name] = checked(value, name, settings.origin(name))

    def call(self, name: str, **facts: Any) -> None:
        """Calls one hook, if it is set, with the facts of the event.

        Raises:
            HookError: on_starting raised; the server does not start. What others raise is logged and no more.
        """
        hook = self._hooks.get(name)
        if hook is None:
            return
        from fastcorn.typing import LifecycleEvent  # late: most servers have no hooks, and start sooner without it

        try:
            made = hook(LifecycleEvent(name, **facts))
            if inspect.iscoroutine(made):
                made.close()
                raise TypeError("a hook must be a plain function: what this one returned is never awaited")
        except (Exception, SystemExit) as error:
            if name == "on_starting":
                raise HookError(f"the hook {name} raised {type(error).__name__}: {error}") from error
            if self.log is not None:
                self.log.error("the hook %s failed", name, exc_info=error)


def checked(value: Any, name: str, origin: str) -> Callable[[LifecycleEvent], object]:
    """The function of a hook.

    Raises:
        ConfigError: the text names none, or it does not take one argument.
    """
    function = load_object(value, name, origin) if isinstance(value, str) else value
    if not callable(function):
        raise ConfigError(f"must be a function, not {type(function).__name__}", setting=name, origin=origin)
    if inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(type(function).__call__):
        problem = "must be a plain function, not an async one: no event loop runs where hooks are called"
        raise ConfigError(problem, setting=name, origin=origin)
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        raise ConfigError("must take one argument, the LifecycleEvent", setting=name, origin=origin) from None
    except ValueError:
        pass  # a built-in without a signature
    made: Callable[[LifecycleEvent], object] = function
    return made
