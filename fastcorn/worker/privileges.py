# SPDX-License-Identifier: MIT
"""Giving up root: the settings user and group, after binding and before the application is imported.

Called by fastcorn.run. Without root there is nothing to give up, and only the user and the group that this process has
already can be asked for.
"""

from __future__ import annotations

import contextlib
import logging
import os
import stat
from typing import TYPE_CHECKING

from fastcorn.config.errors import ConfigError

if TYPE_CHECKING:
    from fastcorn.config import Settings


def drop_privileges(settings: Settings) -> bool:
    """Becomes the user and the group of the settings, for good; a user alone brings its own groups.

    Returns:
        Whether anything was given up.

    Raises:
        ConfigError: this process may not become that user or group.
    """
    user, group = settings.user, settings.group
    if (user is None and group is None) or not hasattr(os, "setuid"):
        return False
    if os.geteuid() != 0:
        for name, wanted, actual in (("user", user, os.geteuid()), ("group", group, os.getegid())):
            if wanted is not None and wanted != actual:
                problem = f"only root can become another {name}; start as root, as {name} {wanted}, or leave it out"
                raise ConfigError(problem, setting=name, origin=settings.origin(name))
        return False
    groups, primary = groups_of(user)
    new_group = group if group is not None else primary
    if new_group is None:
        problem = f"user {user} is not in the user database, so its group is not known; set group too"
        raise ConfigError(problem, setting="user", origin=settings.origin("user"))
    give_log_files(-1 if user is None else user, new_group)
    try:
        os.setgroups(groups if user is not None else [])
        os.setgid(new_group)
        if user is not None:
            os.setuid(user)
    except OSError as error:
        problem = f"cannot become user {user} and group {new_group}: {error.strerror}"
        raise ConfigError(problem, setting="user", origin=settings.origin("user")) from None
    if not user:
        return user is None
    check_for_good()
    return True


def check_for_good() -> None:
    """Makes sure that root cannot be had again.

    Raises:
        ConfigError: it can, because the process has the capability to change its user.
    """
    try:
        os.setuid(0)
    except OSError:
        return
    raise ConfigError("root could be regained after it was given up: this process keeps CAP_SETUID", setting="user")


def give_log_files(user: int, group: int) -> None:
    """Makes the open log files the new owner's, so that they can be reopened; devices and pipes stay as they are."""
    for name in ("fastcorn.error", "fastcorn.access"):
        for handler in logging.getLogger(name).handlers:
            if isinstance(handler, logging.FileHandler) and handler.stream is not None:
                # By descriptor: a path could by now lead to another file.
                descriptor = handler.stream.fileno()
                if stat.S_ISREG(os.fstat(descriptor).st_mode):
                    with contextlib.suppress(OSError):
                        os.fchown(descriptor, user, group)


def groups_of(user: int | None) -> tuple[list[int], int | None]:
    """All groups of a user and its primary one; none for a number without an entry in the user database."""
    if user is None:
        return [], None
    import pwd

    try:
        entry = pwd.getpwuid(user)
    except KeyError:
        return [], None
    return os.getgrouplist(entry.pw_name, entry.pw_gid), entry.pw_gid
