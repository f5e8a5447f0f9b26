# SPDX-License-Identifier: MIT
"""Telling ASGI/3, ASGI/2 and WSGI applications apart, and adapting them (fastcorn.asgi.application)."""

import asyncio
import functools
from typing import Any

import pytest

from fastcorn.asgi.application import Application, load, wrap
from fastcorn.errors import AppImportError, NoAppError


async def asgi3(scope: Any, receive: Any, send: Any) -> None:
    scope["seen"] = "asgi3"


def asgi3_sync(scope: Any, receive: Any, send: Any) -> Any:
    return asgi3(scope, receive, send)


def asgi2(scope: Any) -> Any:
    async def instance(receive: Any, send: Any) -> None:
        scope["seen"] = scope["asgi"]["version"]

    return instance


def wsgi(environ: Any, start_response: Any) -> Any:
    return []


class AsyncInstance:
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope["seen"] = "asgi3"


class SyncInstance:
    def __call__(self, scope: Any, receive: Any, send: Any) -> Any:
        return asgi3(scope, receive, send)


class WSGIInstance:
    def __call__(self, environ: Any, start_response: Any) -> Any:
        return []


class AwaitableClass:
    def __init__(self, scope: Any, receive: Any, send: Any) -> None:
        self.arguments = scope, receive, send

    def __await__(self) -> Any:
        return asgi3(*self.arguments).__await__()


class ASGI2Class:
    def __init__(self, scope: Any) -> None:
        self.scope = scope

    async def __call__(self, receive: Any, send: Any) -> None:
        self.scope["seen"] = self.scope["asgi"]["version"]


class WSGIClass:
    def __init__(self, environ: Any, start_response: Any) -> None: ...

    def __iter__(self) -> Any:
        return iter([])


def with_extra(prefix: str, scope: Any, receive: Any, send: Any) -> Any:
    return asgi3(scope, receive, send)


async def async_with_extra(prefix: str, scope: Any, receive: Any, send: Any) -> None:
    scope["seen"] = prefix


def wsgi_with_options(environ: Any, start_response: Any, debug: bool = False) -> Any:
    return []


def asgi_with_options(scope: Any, receive: Any = None, send: Any = None) -> Any:
    return asgi3(scope, receive, send)


def anything(*args: Any) -> Any:
    return asgi3(*args)


@pytest.mark.parametrize(
    ("app", "interface", "seen"),
    [
        (asgi3, "asgi3", "asgi3"),
        (asgi3_sync, "asgi3", "asgi3"),
        (AsyncInstance(), "asgi3", "asgi3"),
        (SyncInstance(), "asgi3", "asgi3"),
        (AwaitableClass, "asgi3", "asgi3"),
        (functools.partial(with_extra, "x"), "asgi3", "asgi3"),
        (functools.partial(async_with_extra, "x"), "asgi3", "x"),
        (functools.partial(functools.partial(async_with_extra), "y"), "asgi3", "y"),
        (asgi_with_options, "asgi3", "asgi3"),
        (AsyncInstance().__call__, "asgi3", "asgi3"),
        (asgi2, "asgi2", "2.0"),
        (ASGI2Class, "asgi2", "2.0"),
        (wsgi, "wsgi", None),
        (WSGIInstance(), "wsgi", None),
        (WSGIClass, "wsgi", None),
        (wsgi_with_options, "wsgi", None),
    ],
)
def test_interface_is_detected_and_adapted(app: Any, interface: str, seen: str | None) -> None:
    wrapped = wrap(app)
    assert (wrapped.interface, wrapped.hint) == (interface, "")
    if seen is not None:
        assert call(wrapped) == seen


def call(application: Application) -> Any:
    scope = {"type": "http", "asgi": {"version": "3.0", "spec_version": "2.5"}}
    asyncio.run(application.call(scope, None, None))  # type: ignore[arg-type]
    return scope["seen"]


def test_coroutine_functions_are_passed_through_without_an_adapter() -> None:
    instance = AsyncInstance()
    assert wrap(asgi3).call is asgi3
    assert wrap(instance).call is instance


def test_ambiguous_application_is_taken_for_asgi_with_a_hint() -> None:
    wrapped = wrap(anything)
    assert wrapped.interface == "asgi3"
    assert "set mode to asgi or wsgi" in wrapped.hint
    assert call(wrapped) == "asgi3"


@pytest.mark.parametrize(
    ("app", "mode", "interface"),
    [
        (anything, "asgi", "asgi3"),
        (anything, "wsgi", "wsgi"),
        (wsgi, "asgi", "asgi3"),
        (asgi2, "asgi", "asgi2"),
        (asgi3, "wsgi", "wsgi"),
        (asgi3, "auto", "asgi3"),
        (anything, "asgi2", "asgi2"),
    ],
)
def test_mode_overrides_the_detection(app: Any, mode: str, interface: str) -> None:
    wrapped = wrap(app, mode=mode)
    assert (wrapped.interface, wrapped.hint) == (interface, "")


def test_unknown_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="mode must be asgi or wsgi, not 'rsgi'"):
        wrap(asgi3, mode="rsgi")


def test_object_that_cannot_be_called_is_refused() -> None:
    with pytest.raises(NoAppError, match="is a dict, not an application"):
        wrap({}, name="main:app")


def test_callable_without_arguments_is_taken_for_a_forgotten_factory() -> None:
    with pytest.raises(NoAppError, match="'main:create_app' takes no arguments.*--factory"):
        wrap(lambda: None, name="main:create_app")


class Settings:
    def __init__(self, **values: Any) -> None:
        self.__dict__.update(values)


def test_load_names_the_remedy_when_no_application_is_named() -> None:
    with pytest.raises(NoAppError, match="no application is named"):
        load(Settings())


def test_load_takes_the_mode_from_the_prefix(tmp_path: Any) -> None:
    (tmp_path / "prefixed_app.py").write_text("def app(*args): return []\n")
    settings = Settings(application_path="wsgi:prefixed_app:app", app_dir=str(tmp_path), mode="asgi")
    assert load(settings).interface == "wsgi"


def test_load_sets_the_env_file_before_the_import(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ENV_FILE_APP", "taken back at the end")
    monkeypatch.delenv("ENV_FILE_APP")
    (tmp_path / "vars.env").write_text("ENV_FILE_APP=from the file\n")
    (tmp_path / "env_file_app.py").write_text(
        "import os\nvalue = os.environ['ENV_FILE_APP']\nasync def app(scope, receive, send): ...\n"
    )
    settings = Settings(application_path="env_file_app", app_dir=str(tmp_path), env_file=str(tmp_path / "vars.env"))
    assert load(settings).call.__globals__["value"] == "from the file"


def test_load_reports_an_import_that_fails_with_its_cause(tmp_path: Any) -> None:
    (tmp_path / "failing_app.py").write_text("import json\nraise KeyError('DATABASE_URL')\n")
    with pytest.raises(AppImportError, match="importing 'failing_app' failed: KeyError: 'DATABASE_URL'") as caught:
        load(Settings(application_path="failing_app:app", app_dir=str(tmp_path)))
    assert isinstance(caught.value.__cause__, KeyError)
    assert caught.value.exit_code == 4
