# SPDX-License-Identifier: MIT
"""Where the server listens, and who may use its sockets.

Rows of the table of settings; joined by fastcorn.config.table.
"""

from __future__ import annotations

from fastcorn.config.kinds import Addresses, Choice, Count, Owner, Texts, Umask
from fastcorn.config.setting import Setting

SETTINGS = (
    Setting(
        "bind",
        Addresses(),
        ["127.0.0.1:8000"],
        "Address to listen on: host:port, [v6]:port, unix:/path, fd://N, systemd:NAME; port 0 takes a free one",
        flags=("-b",),
        environment=("PORT",),
    ),
    Setting("insecure_bind", Addresses(), [], "Address to listen on without TLS, beside bind with TLS"),
    Setting("quic_bind", Addresses(), [], "UDP address for HTTP/3; needs TLS", later="HTTP/3", refused=True),
    Setting(
        "backlog",
        Count(least=1, most=65535),
        2048,
        "Connections that may wait in the kernel to be accepted",
        precedents="Hypercorn 100, which a burst overflows; uvicorn and gunicorn 2048",
    ),
    Setting(
        "server_names",
        Texts(example="example.com", metavar="HOST"),
        [],
        "Host names that are answered; others get 404; none given answers all",
        flags=("--server-name",),
    ),
    Setting(
        "accept",
        Choice("shared", "reuseport"),
        "shared",
        "Worker processes share one listening socket for each address, or have one each (SO_REUSEPORT)",
        precedents="Hypercorn, uvicorn and granian shared, gunicorn shared (--reuse-port)",
    ),
    Setting(
        "unix_socket_mode",
        Umask(noun="an octal file mode", example="660"),
        None,
        "File mode of unix sockets, octal; off leaves it to umask",
        precedents="granian --uds-permissions; uvicorn 666",
        aliases=("--uds-permissions",),
    ),
    Setting(
        "user",
        Owner("user"),
        None,
        "User that the server becomes after binding, if it is root, and owner of unix sockets",
        flags=("-u",),
    ),
    Setting(
        "group",
        Owner("group"),
        None,
        "Group that the server becomes after binding, if it is root, and group of unix sockets",
        flags=("-g",),
    ),
    Setting("umask", Umask(), None, "File mode bits withheld from unix sockets, octal as in a shell", flags=("-m",)),
)
