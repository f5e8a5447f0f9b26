# SPDX-License-Identifier: MIT
"""Config: the settings of a server, with Hypercorn's names, mutable until the server starts.

Made by users, by the command line and by the tests; the worker takes its frozen snapshot. Every value is checked when
it is assigned, wherever it comes from; a name that is no setting is refused with a suggestion.
"""

from __future__ import annotations

from fastcorn.config.checks import check_together
from fastcorn.config.errors import ConfigError, UnknownSettingError
from fastcorn.config.fields import Fields
from fastcorn.config.settings import Settings
from fastcorn.config.table import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    import ssl
    from collections.abc import Iterable, Mapping
    from typing import Any, Self

    from fastcorn.config.sockets import Sockets


class ConfigType(type):
    """Class-level settings: Config.backlog reads a default, Config.backlog = 100 sets one for every instance."""

    if not TYPE_CHECKING:  # so that type checkers know the names of Fields only

        def __getattr__(cls, name: str) -> object:
            if name in SETTINGS:
                return SETTINGS[name].fresh_default()
            raise AttributeError(f"type object {cls.__name__!r} has no attribute {name!r}")

        def __setattr__(cls, name: str, value: object) -> None:
            if name in SETTINGS:
                value = SETTINGS[name].checked(value, f"class {cls.__name__}")
            elif not name.startswith("_") and not hasattr(cls, name) and not callable(value):
                raise unknown_setting(name, f"class {cls.__name__}")
            super().__setattr__(name, value)


class Config(Fields, metaclass=ConfigType):
    """The settings of a server.

    Each setting of docs/settings.md is an attribute. Values are checked and brought into one form when they are
    assigned: durations are float seconds and may be given as "2m", sizes are int bytes and may be given as "16MiB", a
    single text stands for a list of one. A default for all instances is set on the class or in a subclass.

    Args:
        **settings: settings by name.

    Attributes:
        files: absolute paths of the files that the settings were read from; a reload watches them.

    Raises:
        ConfigError: a value is wrong; the text names the setting, the value and the remedy.
        UnknownSettingError: a name is no setting (also an AttributeError).
    """

    def __init__(self, **settings: Any) -> None:
        self.__dict__["_origins"] = {}
        self.__dict__["files"] = []
        for name, setting in SETTINGS.items():
            if isinstance(setting.default, (list, dict)) or isinstance(getattr(type(self), name), (list, dict)):
                self.__dict__[name] = copied(getattr(type(self), name))
        for name, value in settings.items():
            setattr(self, name, value)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        for name in [name for name in vars(cls) if name in SETTINGS and not isinstance(vars(cls)[name], property)]:
            setattr(cls, name, vars(cls)[name])

    if TYPE_CHECKING:
        cert_reqs: int
        _log: Any
        _origins: dict[str, str]
        files: list[str]
    else:  # unseen by type checkers, so that they know the names of Fields only

        def __getattr__(self, name: str) -> object:
            return self.default(name)

        def __setattr__(self, name: str, value: object) -> None:
            self.put(name, value, "code")

    def default(self, name: str) -> object:
        """The default of a setting that nothing has set.

        Raises:
            AttributeError: the name is no setting; the text suggests one.
        """
        if name in SETTINGS:
            return SETTINGS[name].default
        if name == "cert_reqs":
            raise AttributeError("cert_reqs can only be set; read verify_mode")
        guess = "" if name.startswith("_") else suggestion(name)
        raise AttributeError(f"{type(self).__name__} has no setting {name!r}{guess}")

    def put(self, name: str, value: object, origin: str) -> None:
        """Sets a setting and remembers where its value came from.

        Raises:
            ConfigError, UnknownSettingError: as for an assignment; the text begins with the origin.
        """
        if name == "cert_reqs":
            self.set_cert_reqs(value, origin)
        elif name not in SETTINGS:
            if not name.startswith("_") and not self.allows(name, value):
                raise unknown_setting(name, origin)
            object.__setattr__(self, name, value)
        else:
            self.__dict__[name] = SETTINGS[name].checked(value, origin)
            self._origins[name] = origin

    def allows(self, name: str, value: object) -> bool:
        """Whether a name that is no setting may be set: an attribute of a subclass, or a method put in place of one."""
        return hasattr(type(self), name) and (callable(value) or not hasattr(Config, name))

    def origin(self, name: str) -> str:
        """Where the value of a setting came from: "default", "class NAME", "code", a file, a variable or a flag."""
        if name in self._origins:
            return self._origins[name]
        for base in type(self).__mro__:
            if name in vars(base):
                return f"class {base.__name__}"
        return "default"

    def given(self) -> list[str]:
        """The names of the settings that some source has set, in the order of the table."""
        return [name for name in SETTINGS if self.origin(name) != "default"]

    def freeze(self) -> Settings:
        """The immutable snapshot that workers read; every value and their combination is checked once more.

        Raises:
            ConfigError: a value was made wrong in place (config.bind.append(5)), or settings contradict each other.
        """
        origins = {name: self.origin(name) for name in SETTINGS}
        values = {name: setting.checked(getattr(self, name)) for name, setting in SETTINGS.items()}
        settings = Settings(values, origins, ssl_enabled=self.ssl_enabled)
        check_together(settings)
        return settings

    def __repr__(self) -> str:
        given = self.given()
        shown = (SETTINGS[name].represented(getattr(self, name)) for name in given)
        return f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text in zip(given, shown, strict=True))})"

    # Hypercorn's derived attributes and methods.

    @property
    def ssl_enabled(self) -> bool:
        """Whether bind is served over TLS. A subclass whose create_ssl_context() needs no setting overrides it too."""
        return self.certfile is not None or bool(self.certificates) or self.ssl_context is not None

    def set_cert_reqs(self, value: object, origin: str = "code") -> None:
        """Deprecated by Hypercorn: sets verify_mode by the number of an ssl.VerifyMode."""
        import warnings

        warnings.warn("cert_reqs is deprecated; set verify_mode instead", DeprecationWarning, stacklevel=3)
        self.put("verify_mode", value, origin)

    @property
    def log(self) -> Any:
        """The logger that logger_class, or fastcorn's own class, makes of this configuration; made once."""
        if self.__dict__.get("_log") is None:
            from importlib import import_module

            logger_class: Any = self.logger_class
            if logger_class is None:
                logger_class = import_module("fastcorn.observability").Logger
            elif isinstance(logger_class, str):
                logger_class = load_object(logger_class, "logger_class", self.origin("logger_class"))
            self._log = logger_class(self)
        return self._log

    def set_statsd_logger_class(self, statsd_logger: type) -> None:
        """Uses statsd_logger where statsd_host is set and logger_class is not."""
        if self.logger_class is None and self.statsd_host is not None:
            self.logger_class = statsd_logger

    def create_sockets(self) -> Sockets:
        """Binds every address; nothing listens yet.

        Raises:
            AddressError: an address is taken, not allowed or not of this machine (also an OSError).
            SocketTypeError: fd://N is no socket of the right type.
        """
        from fastcorn.config.sockets import bind_all

        return bind_all(self)

    def create_ssl_context(self) -> ssl.SSLContext | None:
        """The TLS context of bind, or None without TLS. A subclass may override it to load certificates itself.

        It is called again, perhaps in another thread, when certificate files have changed and at SIGHUP.

        Raises:
            ConfigError: a file cannot be read or does not hold what it should, or ssl_context failed.
        """
        if not self.ssl_enabled:
            return None
        from fastcorn.config.tls import call_factory, make_ssl_context

        return make_ssl_context(self) if self.ssl_context is None else call_factory(self, self.ssl_context)

    def response_headers(self, protocol: str) -> list[tuple[bytes, bytes]]:
        """The header fields that the server adds to an answer now: date, server, alt-svc and the setting headers.

        Args:
            protocol: "h11", "h2" or "h3"; the answer does not differ, the argument is Hypercorn's.
        """
        fields: list[tuple[bytes, bytes]] = []
        if self.include_date_header:
            from email.utils import formatdate

            fields.append((b"date", formatdate(usegmt=True).encode()))
        if self.include_server_header and self.server_header:
            fields.append((b"server", self.server_header.encode("latin-1")))
        fields.extend((b"alt-svc", value.encode("latin-1")) for value in self.alt_svc_headers)
        fields.extend((name.lower().encode(), value.encode("latin-1")) for name, value in self.headers)
        return fields

    # Hypercorn's constructors.

    @classmethod
    def from_mapping(cls, mapping: Mapping[str, Any] | None = None, **kwargs: Any) -> Self:
        """A Config of a mapping of settings by name, and of keywords.

        Raises:
            ConfigError, UnknownSettingError: as for assignments.
        """
        return cls(**{**(mapping or {}), **kwargs})

    @classmethod
    def from_toml(cls, filename: str | os.PathLike[str]) -> Self:
        """A Config of a TOML file: its top-level keys, or those of [tool.fastcorn] in a pyproject.toml.

        Raises:
            ConfigError: the file cannot be read, is not TOML (with the line), or holds a wrong setting.
        """
        from fastcorn.config.files import read_toml

        return cls.from_origin(read_toml(filename), str(filename), [filename])

    @classmethod
    def from_pyfile(cls, filename: str | os.PathLike[str]) -> Self:
        """A Config of the variables of a Python file, less modules, functions, classes, _names and CONSTANTS.

        Raises:
            ConfigError: the file cannot be read or run, or holds a wrong setting.
        """
        from fastcorn.config.files import read_pyfile

        return cls.from_origin(read_pyfile(filename), str(filename), [filename])

    @classmethod
    def from_object(cls, instance: object | str) -> Self:
        """A Config of the attributes of an object, a module, or what "module" or "module.attribute" names.

        Raises:
            ConfigError: the name cannot be imported, or the object holds a wrong setting.
        """
        from fastcorn.config.files import read_object

        values, origin = read_object(instance)
        return cls.from_origin(values, origin)

    @classmethod
    def from_origin(
        cls, values: Mapping[str, object], origin: str, files: Iterable[str | os.PathLike[str]] = ()
    ) -> Self:
        """A Config of settings that came from origin, which errors and print-config name, and from files."""
        from os import path

        config = cls()
        config.files.extend(path.abspath(name) for name in files)
        for name, value in values.items():
            config.put(name, value, origin)
        return config


def copied(value: object) -> object:
    """A list or dict of its own for an instance."""
    return list(value) if isinstance(value, list) else dict(value) if isinstance(value, dict) else value


def unknown_setting(name: str, origin: str | None = None) -> UnknownSettingError:
    return UnknownSettingError(f"there is no setting {name!r}{suggestion(name)}", origin=origin)


def suggestion(name: str) -> str:
    """What the writer of an unknown name may have meant: "; did you mean bind?", or how to list the settings."""
    from fastcorn.config.spelling import nearest

    known = {flag.lstrip("-"): setting.name for setting in SETTINGS.values() for flag in setting.all_flags}
    known.update({"host": "bind", "port": "bind", "uds": "bind", "fd": "bind", **{name: name for name in SETTINGS}})
    guess = nearest(name, known)
    return f"; did you mean {known[guess]}?" if guess else "; fastcorn --help lists the settings"


def load_object(path: str, setting: str, origin: str) -> Any:
    """What "module:name" names: a class or a function.

    Raises:
        ConfigError: there is none; __cause__ is what the module raised.
    """
    from importlib import import_module

    from fastcorn.config.files import told

    module, _, name = path.replace(":", ".").rpartition(".")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError) as error:
        raise ConfigError(f"{path!r} cannot be imported: {error}", setting=setting, origin=origin) from None
    except (Exception, SystemExit) as error:
        raise ConfigError(f"{path!r} cannot be imported: {told(error)}", setting=setting, origin=origin) from error
