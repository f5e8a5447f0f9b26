# SPDX-License-Identifier: MIT
"""What is watched for a reload: directories, single files, and which files in the directories count.

Made by fastcorn.supervisor.watcher of the settings, and asked by the two ways to look for changes, `polling` and
`events`. Calls fastcorn.asgi.reference to find where the application's module lies, without importing it.
"""

from __future__ import annotations

import fnmatch
import os
from typing import TYPE_CHECKING

from fastcorn.asgi.reference import locate_module
from fastcorn.config.errors import ConfigError
from fastcorn.errors import NoAppError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastcorn.config import Settings

# Code and templates. Not *.txt and not *.json: programs write logs and data of those names while they run.
DEFAULT_PATTERNS = ("*.py", "*.html", "*.htm", "*.jinja", "*.jinja2", "*.j2")

# Directories of tools and of installed packages, beside those that begin with a dot and virtual environments.
SKIPPED_NAMES = frozenset({"__pycache__", "node_modules", "site-packages", "__pypackages__"})


class Watched:
    """What is watched.

    Args:
        directories: absolute paths; everything below them is looked at.
        files: absolute paths of files that count wherever they lie and whatever they are called.
        include: further patterns, beside DEFAULT_PATTERNS.
        exclude: patterns that win over all others, but not over files.
    """

    def __init__(
        self,
        directories: Iterable[str],
        files: Iterable[str] = (),
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
    ) -> None:
        self._patterns = (*DEFAULT_PATTERNS, *include)
        self._exclude = tuple(pattern.rstrip("/") or pattern for pattern in exclude)
        self.directories: tuple[str, ...] = ()
        self.files: tuple[str, ...] = ()
        for directory in sorted(set(directories), key=len):
            if self.root_of(directory) is None:
                self.directories += (directory,)
        self.files = tuple(file for file in dict.fromkeys(files) if not self.counts(file))

    def holds(self, path: str, directory: str) -> bool:
        """Whether a directory below another one is looked at with that."""
        if path == directory:
            return True
        parts = parts_below(path, directory)
        if parts is None:
            return False
        ancestors = [os.path.join(directory, *parts[: depth + 1]) for depth in range(len(parts))]
        return not any(self.skips(ancestor, directory) for ancestor in ancestors)

    def skips(self, path: str, root: str) -> bool:
        """Whether a directory below one of the watched ones is passed over."""
        name = os.path.basename(path)
        if name.startswith(".") or name in SKIPPED_NAMES or self.excludes(path, root):
            return True
        return os.path.exists(os.path.join(path, "pyvenv.cfg"))

    def excludes(self, path: str, root: str) -> bool:
        return any(fits(path, root, pattern) for pattern in self._exclude)

    def wants(self, path: str, root: str) -> bool:
        """Whether the change of a file in a directory that is not passed over counts."""
        hidden = os.path.basename(path).startswith(".")
        patterns = [pattern for pattern in self._patterns if not hidden or os.path.basename(pattern).startswith(".")]
        return any(fits(path, root, pattern) for pattern in patterns) and not self.excludes(path, root)

    def counts(self, path: str) -> bool:
        """Whether the change of a path counts, wherever it is; for those who are told of changes unasked."""
        if path in self.files:
            return True
        return any(self.wants(path, root) and self.holds(os.path.dirname(path), root) for root in self.directories)

    def root_of(self, directory: str) -> str | None:
        """The watched directory that a directory is looked at with, or None."""
        return next((root for root in self.directories if self.holds(directory, root)), None)


def fits(path: str, root: str, pattern: str) -> bool:
    """Whether a pattern means a path: by its name, or by its place below root where the pattern has a slash."""
    if "/" not in pattern:
        return fnmatch.fnmatchcase(os.path.basename(path), pattern)
    if os.path.isabs(pattern):
        return fnmatch.fnmatchcase(path, pattern)
    return fnmatch.fnmatchcase("/".join(parts_below(path, root) or ()), pattern.removeprefix("./"))


def parts_below(path: str, directory: str) -> list[str] | None:
    """The names that lead from a directory to a path below it, else None."""
    prefix = directory.rstrip(os.sep) + os.sep
    return path[len(prefix) :].split(os.sep) if path.startswith(prefix) else None


def watched_by(settings: Settings, config_files: Iterable[str] = ()) -> Watched:
    """What the settings say is to be watched.

    The directories of reload_dirs, else the one the application is imported from; and always the application's
    own package or file, the configuration files and the file of variables.

    Args:
        settings: the frozen settings.
        config_files: what the settings were read from.

    Raises:
        ConfigError: a directory does not exist, or is the root of the file system.
    """
    named = [directory_of(text, settings) for text in settings.reload_dirs]
    directories = named or [os.path.realpath(settings.app_dir or ".")]
    files = [os.path.abspath(name) for name in config_files]
    if settings.env_file is not None:
        files.append(os.path.abspath(settings.env_file))
    place = application_place(settings)
    if place is not None:
        (directories if os.path.isdir(place) else files).append(os.path.realpath(place))
    # Without reload_dirs that is where a container's process runs that nobody gave a directory; all of the system's
    # files, with /proc and /sys, are not what is meant.
    directories = [directory for directory in directories if directory != os.path.abspath(os.sep)]
    return Watched(directories, files, settings.reload_include, settings.reload_exclude)


def directory_of(text: str, settings: Settings) -> str:
    """The directory with no links in its path: that is how events name files below it."""
    path, problem = os.path.realpath(text), ""
    if not os.path.isdir(path):
        problem = "is not a directory" if os.path.exists(path) else "does not exist"
    elif path == os.path.abspath(os.sep):
        problem = "is the whole file system; name the directories of the application"
    if problem:
        raise ConfigError(f"{text!r} {problem}", setting="reload_dirs", origin=settings.origin("reload_dirs"))
    return path


def application_place(settings: Settings) -> str | None:
    """The directory of the application's package, or the file of its module; None where it is not found."""
    if settings.application_path is None:
        return None
    try:
        root, name, file = locate_module(settings.application_path, settings.app_dir)
    except NoAppError:
        return None
    top = os.path.join(root, name.partition(".")[0])
    for place in (top if os.path.isdir(top) else None, file, top + ".py"):
        if place is not None and os.path.exists(place):
            return place
    return None
