# SPDX-License-Identifier: MIT
"""Which application is served, and how it is called.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Boolean, Choice, Count, Duration, FilePath, RootPath, Size, Text
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "application_path",
        Text(optional=True, example="package.module:app", metavar="MODULE:ATTR", off_word=False),
        None,
        "Application to serve: module:attribute, module, path/to/file.py:attribute, module:create_app()",
        flags=("--application",),
    ),
    Setting(
        "mode",
        Choice("asgi", "wsgi", optional=True),
        None,
        "Interface of the application; off looks at the application",
    ),
    Setting("factory", Boolean(), False, "The attribute is a function that returns the application"),
    Setting(
        "app_dir",
        FilePath(example="src", metavar="DIR"),
        None,
        "Directory in which the application's module is looked for; off is the current directory",
    ),
    Setting(
        "env_file",
        FilePath(example=".env", metavar="FILE"),
        None,
        "File of NAME=value lines that are put into the environment before the application is imported",
    ),
    Setting(
        "root_path", RootPath(), "", "URL path under which a proxy mounts the application (root_path of the scope)"
    ),
    Setting(
        "lifespan",
        Choice("auto", "on", "off"),
        "auto",
        "Lifespan events: auto goes on without them if the application does not know them, on insists, off sends none",
        precedents="uvicorn auto; Hypercorn has no switch",
    ),
    Setting("startup_timeout", Duration(least=0.001), 60.0, "Time for the application's lifespan startup"),
    Setting("shutdown_timeout", Duration(least=0.001), 60.0, "Time for the application's lifespan shutdown"),
    Setting(
        "asgi_spec_version",
        Choice("2.0", "2.1", "2.2", "2.3", "2.4", "2.5"),
        "2.5",
        "spec_version of http scopes, for an application that is confused by a newer one",
        precedents="Hypercorn 2.1, uvicorn 2.3",
    ),
    Setting(
        "app_disconnect_grace",
        Duration(optional=True),
        None,
        "Cancel the application this long after its client has left",
        precedents="off in Hypercorn and uvicorn, gunicorn 3 s, daphne 10 s",
    ),
    Setting(
        "max_app_queue_size",
        Count(least=1),
        10,
        "Messages that wait for the application (Hypercorn); fastcorn counts bytes instead",
        later="a queue counted in messages",
    ),
    Setting(
        "wsgi_max_body_size", Size(most=2**62), 16 * 2**20, "Largest request body of a WSGI application; more is 413"
    ),
)
