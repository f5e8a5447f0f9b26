# SPDX-License-Identifier: MIT
"""The fastcorn command: reads the command line, gathers the settings, and serves, checks or prints.

A mistake is one line on stderr and exit code 2. Calls fastcorn.config for everything about settings, and fastcorn.run
(or fastcorn.check) for the rest; both are imported only when they are needed, so that --help is quick.
"""

from __future__ import annotations

import os
import sys

from fastcorn.config.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastcorn.config.commandline import CommandLine

EXIT_OK = 0
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        argv: the arguments without the program's name; those of the process by default.

    Returns:
        The exit code: 0 done, 2 a wrong argument or setting, otherwise as fastcorn.run says.
    """
    try:
        return run_command(sys.argv[1:] if argv is None else argv)
    except ConfigError as error:
        tell(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader of --help or --print-config has gone (| head); Python would complain again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


def run_command(argv: Sequence[str]) -> int:
    from fastcorn.config.commandline import parse_command_line

    line = parse_command_line(argv)
    for warning in line.warnings:
        tell(f"warning: {warning}")
    if line.show in ("help", "version"):
        return show(line.show)
    if line.command == "completion":
        from fastcorn.completion import completion_script

        return write(completion_script(line.operand))
    return with_config(line)


def with_config(line: CommandLine) -> int:
    from fastcorn.config.sources import gather

    config, warnings = gather(line.values, os.environ, line.config_path)
    for warning in warnings:
        tell(f"warning: {warning}")
    if line.show == "config":
        from fastcorn.config.printing import print_config

        write(print_config(config))
        config.freeze()
        return EXIT_OK
    if line.command == "check":
        from fastcorn.check import check

        return check(config)
    if config.application_path is None:
        raise ConfigError("no application is given; write fastcorn package.module:app, or fastcorn --help")
    config.freeze()
    from fastcorn.run import run

    return int(run(config, reread=lambda: gather(line.values, os.environ, line.config_path)[0]))


def show(what: str) -> int:
    if what == "help":
        from fastcorn.config.usage import help_text

        return write(help_text())
    from fastcorn._version import __version__

    version = ".".join(map(str, sys.version_info[:3]))
    return write(f"fastcorn {__version__} ({sys.implementation.name} {version}, {sys.platform})\n")


def write(text: str) -> int:
    """Prints what was asked for, with escapes for what the encoding lacks; nothing where stdout is closed."""
    if sys.stdout is not None:
        encoding = sys.stdout.encoding or "utf-8"
        sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
        sys.stdout.flush()
    return EXIT_OK


def tell(text: str) -> None:
    """One line for the user, whatever the text holds."""
    line = "".join(char if char.isprintable() else " " for char in text)
    print(f"fastcorn: {line}", file=sys.stderr)
