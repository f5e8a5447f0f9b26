# SPDX-License-Identifier: MIT
"""The compiled extensions and the flags that depend on platform and environment; all else is in pyproject.toml.

Called by the build backend and by the Makefile; calls Cython. Environment switches, each "1" to turn on:
    FASTCORN_DEBUG      bounds and None checks, assertions, debug symbols, the C macro FC_DEBUG
    FASTCORN_SANITIZE   AddressSanitizer and UBSan (run Python with libasan preloaded: `make test-sanitize`)
    FASTCORN_TRACE      line tracing for coverage and profilers
"""

import os
import sys

from Cython.Build import cythonize
from Cython.Compiler import Options
from setuptools import Extension, setup


def switched_on(name: str) -> bool:
    return os.environ.get(name, "") not in ("", "0")


DEBUG, SANITIZE, TRACE = map(switched_on, ("FASTCORN_DEBUG", "FASTCORN_SANITIZE", "FASTCORN_TRACE"))
WINDOWS = sys.platform == "win32"
VARIANT = "debug" if DEBUG else "sanitize" if SANITIZE else "trace" if TRACE else "release"

# Each module with the sources of csrc/ that are compiled into it.
MODULES: dict[str, tuple[str, ...]] = {
    "fastcorn.asgi._context": (),
    "fastcorn.asgi._stream": (),
    "fastcorn.asgi._coroutine": (),
    "fastcorn.asgi._run": (),
    "fastcorn.asgi._cycle": (),
    "fastcorn.asgi._websocket_cycle": (),
    "fastcorn.protocols._headers": ("names", "fields", "path"),
    "fastcorn.protocols._writer": (),
    "fastcorn.protocols._tls": (),
    "fastcorn.protocols._codec": ("frame",),
    "fastcorn.protocols._deflate": (),
    "fastcorn.protocols._websocket": ("frame", "mask", "utf8"),
    "fastcorn.protocols._websocket_connection": (),
    "fastcorn.protocols._http2_fields": ("request_fields", "names", "fields", "host"),
    "fastcorn.protocols._response_head": (),
    "fastcorn.protocols._open_streams": (),
    "fastcorn.protocols._http2_websocket": (),
    "fastcorn.protocols._http2_engine": ("frame2",),
    "fastcorn.protocols._http2_driver": ("frame2",),
    "fastcorn.protocols._hpack": ("hpack_table", "hpack_decode", "hpack_encode", "huffman", "names"),
    "fastcorn.protocols._priority": ("priority",),
    "fastcorn.protocols._http2_native": ("frame2",),
    "fastcorn.protocols._http2_stream": (),
    "fastcorn.protocols._http2_exchange": (),
    "fastcorn.protocols._http2": ("frame2",),
    "fastcorn.protocols._http1": ("head", "request_line", "host", "framing", "errors", "chunked", "names"),
}
DEPENDS = ["setup.py", *sorted(f"csrc/{name}" for name in os.listdir("csrc") if name.endswith(".h"))]

if WINDOWS:
    FLAGS = ["/std:c11", "/Zi", "/Od"] if DEBUG else ["/std:c11", "/O2"]
elif DEBUG or SANITIZE:
    FLAGS = ["-std=gnu11", "-O1", "-g", "-UNDEBUG", "-fno-omit-frame-pointer", "-fvisibility=hidden"]
else:
    FLAGS = ["-std=gnu11", "-O3", "-g0", "-fvisibility=hidden", "-fno-semantic-interposition"]
SANITIZERS = ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"] if SANITIZE and not WINDOWS else []
FLAGS += [] if WINDOWS else ["-Wno-unused-function", "-Wno-unused-variable"]  # of the generated C
MACROS: list[tuple[str, str | None]] = [("FC_DEBUG", "1")] if DEBUG else [("CYTHON_WITHOUT_ASSERTIONS", "1")]
MACROS += [("CYTHON_TRACE", "1"), ("CYTHON_TRACE_NOGIL", "1")] if TRACE else []
DIRECTIVES = {
    "language_level": 3,
    "boundscheck": DEBUG,
    "initializedcheck": DEBUG,
    "nonecheck": DEBUG,
    "wraparound": False,
    "cdivision": True,
    "auto_pickle": False,  # a connection cannot be pickled, so no code for it
    "linetrace": TRACE,
}
Options.warning_errors = DEBUG  # in a debug build only: a newer Cython must not break an installation

extensions = [
    Extension(
        module,
        [module.replace(".", "/") + ".pyx", *(f"csrc/{source}.c" for source in sources)],
        include_dirs=["csrc"], depends=DEPENDS, define_macros=MACROS,
        extra_compile_args=FLAGS + SANITIZERS, extra_link_args=SANITIZERS,
    )
    for module, sources in MODULES.items()
]  # fmt: skip
if not {"egg_info", "dist_info", "sdist"}.intersection(sys.argv):  # these need the list, not the generated C
    extensions = cythonize(extensions, build_dir=f"build/cython-{VARIANT}", compiler_directives=DIRECTIVES)
setup(ext_modules=extensions)
