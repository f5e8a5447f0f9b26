# SPDX-License-Identifier: MIT
"""An application of any kind -> one async callable (scope, receive, send).

load() finds the application that the settings name; wrap() tells ASGI/3, ASGI/2 and WSGI apart and adapts them. Called
by fastcorn.run, fastcorn.server and `fastcorn check`; calls fastcorn.asgi.reference and, for WSGI only,
fastcorn.asgi.wsgi. Nothing here runs per request but the two small adapters at the end.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Literal

from fastcorn.asgi.reference import parse_reference, resolve_reference
from fastcorn.errors import NoAppError

if TYPE_CHECKING:
    from fastcorn.typing import ASGI2Application, ASGI3Application

Interface = Literal["asgi3", "asgi2", "wsgi"]

MODES = (None, "auto", "asgi", "asgi2", "asgi3", "wsgi")

# Precedent: Hypercorn's wsgi_max_body_size.
DEFAULT_WSGI_BODY_SIZE = 16 * 1024 * 1024

_UNBOUND = 1 << 16


class Application:
    """An application that is ready to be served.

    Args:
        call: the async callable (scope, receive, send).
        interface: what the application was taken for.
        hint: a line for the log when that was a guess, else "".
        name: how to call the application in messages.
    """

    __slots__ = ("call", "hint", "interface", "name")

    def __init__(self, call: ASGI3Application, interface: Interface, hint: str, name: str) -> None:
        self.call = call
        self.interface = interface
        self.hint = hint
        self.name = name


def load(settings: Any) -> Application:
    """Loads the application that the settings name.

    Args:
        settings: has application_path (str), app_dir, factory, env_file, mode and wsgi_max_body_size; all but the
            first may be missing.

    Raises:
        NoAppError: the application cannot be found or is not an application.
        AppImportError: its code raised; the exception is the cause.
    """
    path = getattr(settings, "application_path", None)
    if not path:
        raise NoAppError("no application is named: write fastcorn module:attribute, for example fastcorn main:app")
    env_file = getattr(settings, "env_file", None)
    if env_file:
        from fastcorn.asgi.envfile import load_env_file

        load_env_file(env_file)
    reference = parse_reference(path)
    found = resolve_reference(
        reference,
        factory=bool(getattr(settings, "factory", False)),
        app_dir=getattr(settings, "app_dir", None),
    )
    mode = reference.mode or getattr(settings, "mode", None)
    return wrap(found, mode=mode, name=path, wsgi_max_body_size=_body_size(settings))


def _body_size(settings: Any) -> int:
    return int(getattr(settings, "wsgi_max_body_size", DEFAULT_WSGI_BODY_SIZE))


def wrap(
    app: Any,
    *,
    mode: str | None = None,
    name: str = "",
    wsgi_max_body_size: int = DEFAULT_WSGI_BODY_SIZE,
) -> Application:
    """Makes one async callable of an application.

    Args:
        app: an ASGI/3, ASGI/2 or WSGI application.
        mode: "asgi" or "wsgi" overrides the detection; None or "auto" detects.
        name: how to call the application in messages; its own name by default.
        wsgi_max_body_size: bytes of a request body that a WSGI application is given; more is answered with 413.

    Raises:
        NoAppError: app is not callable, or takes no arguments.
        ValueError: mode is none of the known ones.
    """
    if mode not in MODES:
        raise ValueError(f"mode must be asgi or wsgi, not {mode!r}")
    name = name or _name_of(app)
    if not callable(app):
        raise NoAppError(f"{name!r} is a {type(app).__name__}, not an application: it cannot be called")
    interface, hint = _decide(app, mode, name)
    if interface == "wsgi":
        from fastcorn.asgi.wsgi import WSGIAdapter

        return Application(WSGIAdapter(app, wsgi_max_body_size), interface, hint, name)
    if interface == "asgi2":
        return Application(ASGI2Adapter(app), interface, hint, name)
    if is_coroutine_callable(app):
        return Application(app, interface, hint, name)
    return Application(AwaitableAdapter(app), interface, hint, name)


def _name_of(app: Any) -> str:
    name = getattr(app, "__qualname__", None) or type(app).__qualname__
    module = getattr(app, "__module__", None)
    return f"{module}:{name}" if isinstance(module, str) else str(name)


def _decide(app: Any, mode: str | None, name: str) -> tuple[Interface, str]:
    if mode in ("asgi3", "asgi2", "wsgi"):
        return mode, ""  # type: ignore[return-value]
    if is_coroutine_callable(app):
        return ("wsgi" if mode == "wsgi" else "asgi3"), ""
    arity = _arity(app)
    if arity == (0, 0):
        raise NoAppError(f"{name!r} takes no arguments; if it makes the application, use --factory")
    interface = _by_signature(app, arity)
    if interface == "wsgi" and mode == "asgi":
        interface = None
    if interface is not None:
        return interface, ""
    if mode == "asgi":
        return "asgi3", ""
    return "asgi3", f"cannot tell whether {name!r} is ASGI or WSGI: taken for ASGI (set mode to asgi or wsgi)"


def is_coroutine_callable(app: Any) -> bool:
    """Whether a call gives a coroutine: an async function, a partial of one, an instance with async __call__."""
    while hasattr(app, "func") and hasattr(app, "keywords"):  # functools.partial, also a compiled twin of it
        app = app.func
    if inspect.isclass(app):
        return False
    if _is_coroutine_function(app):
        return True
    return callable(app) and _is_coroutine_function(type(app).__call__)


def _is_coroutine_function(function: Any) -> bool:
    # Compiled (Cython) functions are no types.FunctionType; they carry asyncio's marker or the code flag instead.
    if inspect.iscoroutinefunction(function) or getattr(function, "_is_coroutine", None) is not None:
        return True
    code = getattr(function, "__code__", None)
    return bool(getattr(code, "co_flags", 0) & inspect.CO_COROUTINE)


def _arity(app: Any) -> tuple[int, int] | None:
    """The least and the greatest number of positional arguments, or None when the signature cannot be read."""
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return None
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    least = sum(1 for p in positional if p.default is p.empty)
    variadic = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    return least, (_UNBOUND if variadic else len(positional))


def _by_signature(app: Any, arity: tuple[int, int] | None) -> Interface | None:
    """ASGI/3 takes three arguments, WSGI two, ASGI/2 one; names decide when a signature would take more than one."""
    if arity is None:
        return None
    fits: list[Interface] = []
    kinds: tuple[tuple[int, Interface], ...] = ((3, "asgi3"), (2, "wsgi"), (1, "asgi2"))
    for count, interface in kinds:
        if arity[0] <= count <= arity[1]:
            fits.append(interface)
    if len(fits) == 1:
        return fits[0]
    names = {name.lower() for name in inspect.signature(app).parameters}
    if "start_response" in names or "environ" in names:
        return "wsgi"
    if "receive" in names and "send" in names:
        return "asgi3"
    return None


class AwaitableAdapter:
    """An ASGI/3 application that is no coroutine function: a class, a sync callable, an unknown compiled one."""

    __slots__ = ("app",)

    def __init__(self, app: ASGI3Application) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


class ASGI2Adapter:
    """An ASGI/2 application: app(scope) gives an instance that is called with (receive, send)."""

    __slots__ = ("app",)

    def __init__(self, app: ASGI2Application) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["asgi"] = {**scope["asgi"], "version": "2.0"}
        await self.app(scope)(receive, send)
