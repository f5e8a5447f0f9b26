# SPDX-License-Identifier: MIT
# The addresses of a connection's ends, as a scope has them.


cdef inline tuple address(object name):
    """(host, port), (path, None) of a unix socket, or None."""
    if isinstance(name, (list, tuple)) and len(name) >= 2:
        return (str(name[0]), int(name[1]))
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")
    if isinstance(name, str) and name:
        return (name, None)
    return None
