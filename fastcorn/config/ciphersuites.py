# SPDX-License-Identifier: MIT
"""The cipher suites of TLS 1.3, which are a list of their own in OpenSSL.

Called by fastcorn.config.tls. Some facts: Python sets them from 3.15 on. Before, nothing in Python reaches
SSL_CTX_set_ciphersuites(), but it is in the library that Python's _ssl module is linked with, and the first field of an
SSLContext, after the object header, is the pointer that it takes (Modules/_ssl.c, unchanged from 3.6 to 3.14). So it is
called there, and what SSLContext.get_ciphers() says afterwards is compared with what was asked for.
"""

from __future__ import annotations

import ssl
import sys

REMEDY = "Python 3.15 can; until then set Ciphersuites in a file for OpenSSL that OPENSSL_CONF names, or leave it out"


def set_ciphersuites(context: ssl.SSLContext, suites: str) -> None:
    """Sets the suites of TLS 1.3, best first.

    Args:
        context: of a server.
        suites: OpenSSL's names with colons between them.

    Raises:
        ValueError: OpenSSL does not know them, or this Python offers no way to set them.
    """
    if hasattr(context, "set_ciphersuites"):
        try:
            context.set_ciphersuites(suites)
        except ssl.SSLError:
            raise unknown(suites) from None
    else:
        _set_by_openssl(context, suites)
    wanted = [suite for suite in suites.split(":") if suite]
    actual = [cipher["name"] for cipher in context.get_ciphers() if cipher["protocol"] == "TLSv1.3"]
    if actual != wanted:
        raise unknown(suites)


def _set_by_openssl(context: ssl.SSLContext, suites: str) -> None:
    try:
        import _ssl
        import ctypes

        library = ctypes.CDLL(getattr(_ssl, "__file__", None))
        function, forget_errors = library.SSL_CTX_set_ciphersuites, library.ERR_clear_error
    except (ImportError, OSError, AttributeError):
        raise ValueError(f"this Python cannot set the ciphers of TLS 1.3; {REMEDY}") from None
    if sys.implementation.name != "cpython" or sys.version_info >= (3, 15):
        raise ValueError(f"this Python cannot set the ciphers of TLS 1.3; {REMEDY}")
    function.argtypes, function.restype = [ctypes.c_void_p, ctypes.c_char_p], ctypes.c_int
    # The context outlives the call: the caller holds it.
    pointer = ctypes.c_void_p.from_address(id(context) + object.__basicsize__)
    known = function(pointer, suites.encode("ascii", "replace")) == 1
    # A failed call leaves an entry in the thread's queue of errors, and SSL_get_error() would tell it of a connection.
    forget_errors()
    if not known:
        raise unknown(suites)


def unknown(suites: str) -> ValueError:
    from_openssl = [
        cipher["name"] for cipher in ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).get_ciphers() if "TLS_" in cipher["name"]
    ]
    return ValueError(f"must name ciphers of TLS 1.3, not {suites!r}; OpenSSL offers {':'.join(from_openssl)}")
