# SPDX-License-Identifier: MIT
"""Compiles `_stages.pyx` against the source tree of the fastcorn that is measured, into a throw-away folder.

Called by `stages` in the measured interpreter; calls Cython and the C compiler, which a development environment has.
"""

import importlib
import shutil
import sys
from pathlib import Path
from types import ModuleType

import fastcorn
from bench.errors import BenchError

SOURCE = Path(__file__).with_name("_stages.pyx")


def load(folder: Path) -> ModuleType:
    """Builds the module in `folder` and imports it.

    Raises:
        BenchError: fastcorn was not imported from a source tree, or a tool is missing.
    """
    tree = Path(fastcorn.__file__).resolve().parent.parent
    if not (tree / "csrc").is_dir():
        raise BenchError(f"micro needs fastcorn's source tree, not an installed copy; set PYTHONPATH (now {tree})")
    try:
        cythonize = importlib.import_module("Cython.Build").cythonize
        setuptools = importlib.import_module("setuptools")
    except ImportError as error:
        raise BenchError(f"micro needs {error.name}: pip install Cython setuptools") from None
    folder.mkdir(parents=True, exist_ok=True)
    copied = shutil.copy(SOURCE, folder)
    extension = setuptools.Extension(
        "_stages",
        [str(copied), *map(str, sorted((tree / "csrc").glob("*.c")))],
        include_dirs=[str(tree / "csrc")],
        extra_compile_args=["-std=gnu11", "-O3", "-w"],
    )
    directives = {"language_level": 3, "boundscheck": False, "wraparound": False}
    modules = cythonize([extension], include_path=[str(tree)], compiler_directives=directives, quiet=True)
    command = setuptools.Distribution({"name": "stages", "ext_modules": modules}).get_command_obj("build_ext")
    command.build_lib, command.build_temp = str(folder), str(folder / "temp")
    command.ensure_finalized()
    command.run()
    sys.path.insert(0, str(folder))
    return importlib.import_module("_stages")
