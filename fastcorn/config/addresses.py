# SPDX-License-Identifier: MIT
"""Addresses to listen on: text to host and port, path, descriptor, or what systemd passes.

The forms are Hypercorn's: host:port, host, [v6]:port, v6:port, unix:/path, fd://N; and unix:@name for an abstract unix
socket, systemd and systemd:NAME for sockets that systemd passes. Called by the kind that checks bind settings and by
sockets.py; calls nothing (socket is imported only for a text that looks like IPv6).
"""

from __future__ import annotations

DEFAULT_PORT = 8000


class Address:
    """One address to listen on; exactly one of host, path, fd and systemd is set.

    Attributes:
        host: a host name or an IP address.
        port: of host; 0 takes a free one.
        path: of a unix socket; with @ first the name of an abstract one.
        fd: an inherited descriptor.
        systemd: the name of sockets that systemd passes; "" is all of them.
    """

    __slots__ = ("fd", "host", "path", "port", "systemd")

    def __init__(
        self,
        *,
        host: str | None = None,
        port: int = 0,
        path: str | None = None,
        fd: int | None = None,
        systemd: str | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self.path = path
        self.fd = fd
        self.systemd = systemd

    @property
    def is_ipv6(self) -> bool:
        return self.host is not None and ":" in self.host


def parse_address(text: str) -> Address:
    """The address a bind text stands for.

    Raises:
        ValueError: what is wrong with it; the text is quoted.
    """
    if any(ord(char) <= 32 or ord(char) == 127 for char in text) or not text:
        raise ValueError(f"{text!r} is no address: it is empty or holds blanks")
    if text.startswith("unix:"):
        path = text[5:].removeprefix("//")
        if path in ("", "@"):
            raise ValueError(f"{text!r} names no path; write unix:/run/app.sock")
        return Address(path=path)
    if text.startswith("fd://"):
        if not text[5:].isdecimal() or len(text) > 14:
            raise ValueError(f"{text!r} names no descriptor; write fd://3")
        return Address(fd=int(text[5:]))
    if text == "systemd:":
        raise ValueError(f"{text!r} names no socket; write systemd, or systemd:NAME")
    if text == "systemd" or text.startswith("systemd:"):
        return Address(systemd=text[8:])
    if "://" in text:
        raise ValueError(f"{text!r} is a URL; write host:port, such as 127.0.0.1:8000")
    host, port = split_port(text)
    return Address(host=host or "0.0.0.0", port=port)


def split_port(text: str) -> tuple[str, int]:
    """Host and port of host:port, host, [v6]:port, [v6], v6:port or v6."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or not is_ipv6(host):
            raise ValueError(f"{text!r} is no IPv6 address in brackets; write [::1]:8000")
        return host, parse_port(rest[1:], text) if rest else DEFAULT_PORT
    if text.count(":") >= 2:
        # "::1:8000" is an IPv6 address of its own, but Hypercorn reads a port there, and so must we.
        host, _, port = text.rpartition(":")
        if port.isdecimal() and is_ipv6(host):
            return host, parse_port(port, text)
        if is_ipv6(text):
            return text, DEFAULT_PORT
        raise ValueError(f"{text!r} is no IPv6 address; write [::1]:8000")
    host, colon, port = text.partition(":")
    if not set(host).isdisjoint("[]/\\@?#,;"):
        raise ValueError(f"{text!r} is no host name; write host:port, such as 127.0.0.1:8000")
    if host.isdecimal() and not colon:
        raise ValueError(f"{text!r} is a number alone; write :{host} or 127.0.0.1:{host}")
    return host, parse_port(port, text) if colon else DEFAULT_PORT


def parse_port(port: str, text: str) -> int:
    if not port.isascii() or not port.isdecimal() or len(port) > 6:
        raise ValueError(f"{text!r} has no port number after the colon; write host:port, such as 127.0.0.1:8000")
    if int(port) > 65535:
        raise ValueError(f"port {port} of {text!r} is out of range; ports are 0 to 65535")
    return int(port)


def is_ipv6(host: str) -> bool:
    import socket

    try:
        socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    except OSError:
        return False
    return True
