# SPDX-License-Identifier: MIT
"""The command line: arguments to settings. Written for this table of settings, so that --help costs no library.

The notation is that of argparse: --flag value, --flag=value, -w 4, -w4, -- ends the flags; --no-flag turns a switch
off; a flag that is given again replaces its value, or adds to it where the setting is a list. Called by fastcorn.cli.
"""

from __future__ import annotations

from fastcorn.config.addresses import parse_address
from fastcorn.config.errors import ConfigError, UsageError
from fastcorn.config.flags import INTERFACES, OFF, Flag, all_flags, missing_value, unknown_flag
from fastcorn.config.table import SETTINGS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

COMMANDS = ("check", "completion")


class CommandLine:
    """What the arguments ask for.

    Attributes:
        command: "serve", or one of COMMANDS.
        operand: the argument of the completion command.
        config_path: the value of --config, or None.
        show: "help", "version" or "config" where that is asked for, else "".
        values: name, value and flag of each setting, in the order of the arguments.
        warnings: lines for the user about deprecated flags.
    """

    def __init__(self) -> None:
        self.command = "serve"
        self.operand: str | None = None
        self.config_path: str | None = None
        self.show = ""
        self.values: list[tuple[str, object, str]] = []
        self.warnings: list[str] = []


class Parser:
    """One pass over the arguments."""

    def __init__(self, arguments: Iterable[str]) -> None:
        self.rest = list(arguments)[::-1]
        self.flags = all_flags()
        self.result = CommandLine()
        self.given: dict[str, tuple[object, str]] = {}
        self.address: dict[str, str] = {}
        self.operands: list[str] = []

    def parse(self) -> CommandLine:
        only_operands = False
        while self.rest:
            argument = self.rest.pop()
            if only_operands or argument == "-" or not argument.startswith("-"):
                self.operands.append(argument)
            elif argument == "--":
                only_operands = True
            elif argument.startswith("--"):
                self.take_long(argument)
            else:
                self.take_short(argument)
        if not self.result.show or self.result.show == "config":
            self.take_operands()
            self.take_address()
        self.result.values = [(name, value, flag) for name, (value, flag) in self.given.items()]
        return self.result

    def take_long(self, argument: str) -> None:
        name, equals, text = argument.partition("=")
        flag = self.flags.get(name)
        if flag is None:
            raise unknown_flag(name, self.flags)
        if flag.takes_value:
            self.apply(flag, text if equals else self.next_value(flag))
        elif equals and flag.setting is not None and flag.fixed is True:
            self.store(flag, flag.setting.parsed(text, name))
        elif equals:
            raise UsageError(f"takes no value, not {text!r}; write {name} alone", origin=name)
        else:
            self.apply(flag, "")

    def take_short(self, argument: str) -> None:
        """-w 4, -w4, -w=4, and switches before it: -Dw4."""
        flag = self.flags.get(argument[:2])
        meant = "-" + argument.partition("=")[0]
        if meant in self.flags and len(meant) > 4:
            raise UsageError(f"is not a flag of fastcorn; did you mean {meant}?", origin=meant[1:])
        if flag is None:
            raise unknown_flag(argument, self.flags)
        attached = argument[2:]
        if flag.takes_value:
            self.apply(flag, attached.removeprefix("=") if attached else self.next_value(flag))
            return
        self.apply(flag, "")
        if attached:
            self.rest.append("-" + attached)

    def next_value(self, flag: Flag) -> str:
        if not self.rest or (self.rest[-1].startswith("-") and self.rest[-1] != "-"):
            raise missing_value(flag)
        return self.rest.pop()

    def apply(self, flag: Flag, text: str) -> None:
        if flag.setting is None:
            self.apply_own(flag, text)
            return
        if flag.instead:
            self.result.warnings.append(f"{flag.name} is deprecated; use {flag.instead}")
        self.store(flag, flag.setting.parsed(text, flag.name) if flag.fixed is OFF else flag.fixed)

    def store(self, flag: Flag, value: object) -> None:
        assert flag.setting is not None
        name = flag.setting.name
        if flag.setting.kind.many and name in self.given:
            before, items = self.given[name][0], value
            assert isinstance(before, list)
            assert isinstance(items, list)
            value = [*before, *items]
        self.given[name] = (value, flag.name)

    def apply_own(self, flag: Flag, text: str) -> None:
        if flag.name in ("--help", "-h"):
            self.result.show = "help"
        elif flag.name in ("--version", "-V"):
            self.result.show = self.result.show or "version"
        elif flag.name == "--print-config":
            self.result.show = self.result.show or "config"
        elif flag.name in ("--config", "-c"):
            self.result.config_path = text
        elif flag.name == "--interface":
            if text not in INTERFACES:
                raise UsageError(f"must be {', '.join(INTERFACES)}, not {text!r}; or use --mode", origin=flag.name)
            self.given["mode"] = (INTERFACES[text], flag.name)
        elif flag.name in ("--cert-reqs", "--ssl-cert-reqs"):
            if flag.instead:
                self.result.warnings.append(f"{flag.name} is deprecated; use {flag.instead}")
            self.given["verify_mode"] = (SETTINGS["verify_mode"].parsed(text, flag.name), flag.name)
        else:
            self.address[flag.name] = text

    def take_operands(self) -> None:
        operands = self.operands
        if operands and operands[0] in COMMANDS:
            self.result.command = operands.pop(0)
        if self.result.command == "completion":
            self.result.operand = operands.pop(0) if operands else None
        if len(operands) > 1:
            raise UsageError(f"unexpected argument {operands[1]!r}: one application is served, {operands[0]!r}")
        if operands:
            if "application_path" in self.given:
                flag = self.given["application_path"][1]
                raise UsageError(f"the application is given as {operands[0]!r} too; write one of the two", origin=flag)
            value = SETTINGS["application_path"].parsed(operands[0], "command line")
            self.given["application_path"] = (value, "command line")

    def take_address(self) -> None:
        """--host and --port, --uds and --fd, as one bind."""
        if not self.address:
            return
        flag, text = next(iter(self.address.items()))
        if "bind" in self.given:
            raise UsageError(f"{self.given['bind'][1]} is given too; write everything as --bind", origin=flag)
        if len(self.address) > 1 and self.address.keys() != {"--host", "--port"}:
            raise UsageError(f"{list(self.address)[1]} is given too; write both as --bind", origin=flag)
        bind = {"--uds": f"unix:{text}", "--fd": f"fd://{text}"}.get(flag) or self.host_and_port()
        try:
            parse_address(bind)
        except ValueError as error:
            raise ConfigError(str(error), setting="bind", origin=flag) from None
        self.given["bind"] = ([bind], flag if len(self.address) == 1 else "--host, --port")

    def host_and_port(self) -> str:
        host = self.address.get("--host", "127.0.0.1")
        port = self.address.get("--port", "8000")
        if not port.isascii() or not port.isdecimal() or len(port) > 6 or int(port) > 65535:
            raise UsageError(f"must be a port from 0 to 65535, not {port!r}", origin="--port")
        return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def parse_command_line(arguments: Iterable[str]) -> CommandLine:
    """Reads the arguments of the fastcorn command (without the program's name).

    Raises:
        ConfigError: an argument is wrong; one line that names the flag, the value and the remedy.
    """
    return Parser(arguments).parse()
