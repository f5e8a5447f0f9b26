# SPDX-License-Identifier: MIT
"""The rules of CONTRIBUTING.md that a machine can check, over the files that git tracks (or, without git, all of them).

Sizes: a file of fastcorn/, csrc/ or bench/ has at most 500 lines and a function at most 40 (C: 80), docstrings not
counted. A file that is right to be longer says so in its first 30 lines: `Longer: <what> - <reason>`, where <what>
is "this file" or the names of the functions, separated by commas. Needs no build.
"""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FILE_LINES, FUNCTION_LINES, C_FUNCTION_LINES = 500, 40, 80
SOURCE_SUFFIXES = {".py", ".pyx", ".pxd", ".pyi", ".c", ".h", ".lua"}
LEFT_OUT = ("build/", "dist/", ".venv", ".git/")


def tracked_files() -> list[Path]:
    """Files that git tracks or would (not ignored); in an unpacked sdist, every file."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = (
        subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False) if (ROOT / ".git").exists() else None
    )
    if listed is not None and listed.returncode == 0:
        found = [ROOT / line for line in listed.stdout.splitlines()]
    else:
        found = [path for path in ROOT.rglob("*") if not str(path.relative_to(ROOT)).startswith(LEFT_OUT)]
    return sorted(path for path in found if path.is_file() and "__pycache__" not in path.parts)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


FILES = tracked_files()
SOURCES = [path for path in FILES if path.suffix in SOURCE_SUFFIXES]
SIZED = [path for path in SOURCES if name_of(path).startswith(("fastcorn/", "csrc/", "bench/"))]
TEXTS = [path for path in FILES if path.suffix in SOURCE_SUFFIXES | {".md", ".toml", ".yml", ".yaml", ".in", ""}]


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def exceptions_of(text: str) -> dict[str, str]:
    """What a file's header says may be longer, with the reason: name -> reason."""
    found: dict[str, str] = {}
    for what, reason in re.findall(r"Longer: ([\w, ]+?) - (\S.*)", "\n".join(text.split("\n")[:30])):
        found.update({name.strip(): reason for name in what.split(",")})
    return found


# --- the length of functions, language by language: each yields (name, lines) -----------------------------------------


def python_functions(text: str) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            first = node.body[0]
            if (
                isinstance(first, ast.Expr)
                and isinstance(first.value, ast.Constant)
                and isinstance(first.value.value, str)
            ):
                lines -= (first.end_lineno or first.lineno) - first.lineno + 1
            yield node.name, lines


CYTHON_DEF = re.compile(
    r"^(\s*)(?:async )?(?:def|cdef|cpdef)\s(?!class|extern|enum|struct|union|public\s+enum)[^=\n]*?(\w+)\("
)


def cython_functions(text: str) -> Iterator[tuple[str, int]]:
    lines = text.split("\n")
    for start, line in enumerate(lines):
        match = CYTHON_DEF.match(line)
        if not match:
            continue
        signature = start
        while signature < len(lines) and not lines[signature].rstrip().endswith(":"):
            signature += 1  # a signature over several lines; a declaration has no colon and ends the file's scan
        end = signature + 1
        while end < len(lines) and (
            not lines[end].strip() or len(lines[end]) - len(lines[end].lstrip()) > len(match[1])
        ):
            end += 1
        body = "\n".join(lines[signature + 1 : end]).rstrip()
        docstring = re.match(r'\s*"""(?:.|\n)*?"""', body)
        yield match[2], body.count("\n") + 2 - (docstring[0].count("\n") + 1 if docstring else 0)


C_FUNCTION = re.compile(r"^[A-Za-z_][^;{}#=\"]*?\b(\w+)\([^;{}]*\)\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)


def c_functions(text: str) -> Iterator[tuple[str, int]]:
    for match in C_FUNCTION.finditer(text):
        yield match[1], match[0].count("\n") + 1


def functions_of(path: Path) -> Iterator[tuple[str, int]]:
    readers = {".py": python_functions, ".pyx": cython_functions, ".c": c_functions, ".h": c_functions}
    reader = readers.get(path.suffix)
    return reader(text_of(path)) if reader else iter(())


# --- the rules --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_the_first_line_names_the_licence(path: Path) -> None:
    head = text_of(path).split("\n")[:2]
    line = head[1] if head[0].startswith("#!") else head[0]
    assert re.match(r"(#|/\*|//|--) SPDX-License-Identifier: MIT", line), f"{name_of(path)} begins with {line!r}"


@pytest.mark.parametrize("path", SIZED, ids=name_of)
def test_sizes(path: Path) -> None:
    text = text_of(path)
    longer = exceptions_of(text)
    lines = text.count("\n")
    assert lines <= FILE_LINES or "this file" in longer, f"{name_of(path)} has {lines} lines, more than {FILE_LINES}"
    limit = C_FUNCTION_LINES if path.suffix in {".c", ".h"} else FUNCTION_LINES
    long = {name: size for name, size in functions_of(path) if size > limit}
    assert long.keys() <= longer.keys(), f"{name_of(path)}: functions over {limit} lines: {long}"
    unneeded = longer.keys() - long.keys() - ({"this file"} if lines > FILE_LINES else set())
    assert not unneeded, f"{name_of(path)}: 'Longer:' names what is not long: {sorted(unneeded)}"


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.suffix in {".py", ".pyx"} and name_of(path).startswith("fastcorn/")],
    ids=name_of,
)
def test_a_module_opens_with_its_purpose(path: Path) -> None:
    body = text_of(path).split("\n", 1)[1].lstrip()
    assert body.startswith(('"""', 'r"""', "#")), f"{name_of(path)} has no opening docstring"


@pytest.mark.parametrize("path", [path for path in SOURCES if path.suffix in {".pyx", ".pxd"}], ids=name_of)
def test_cython_modules(path: Path) -> None:
    text = text_of(path)
    assert not re.search(r"^\s*include\s+[\"']", text, re.MULTILINE), "join modules by cimport, not by include"
    assert not re.search(r"^\s*(DEF|IF)\s", text, re.MULTILINE), "DEF and IF are deprecated: use an enum or a macro"
    bare = re.findall(r"^\s*cdef (?:inline )?void \w+\([^)]*\)\s*(?::|$)", text, re.MULTILINE)
    assert not bare, f"a cdef void function says noexcept or except *: {bare}"


@pytest.mark.parametrize("path", [path for path in SOURCES if name_of(path).startswith("csrc/")], ids=name_of)
def test_the_parsers_are_plain_c(path: Path) -> None:
    text = text_of(path)
    if "/test/" in name_of(path) or "/fuzz/" in name_of(path):
        return
    assert "Python.h" not in text
    assert not re.search(r"\b(malloc|calloc|realloc|free)\s*\(", text), "the parsers allocate nothing"


# Written in parts, so that this file does not break its own rules.
UNFINISHED = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
MACHINE_PATHS = re.compile(
    r"(?<![\w./-])/(" + "|".join(["wo" + "rk", "ro" + "ot", "home/" + r"\w+", "tmp/" + "w"]) + r")/"
)
HOSTS = re.compile(
    "|".join(["py" + r"pi\.org", "python" + "hosted", "registry" + r"\.npmjs", "deb" + r"\.debian\.org"])
)


@pytest.mark.parametrize("path", TEXTS, ids=name_of)
def test_no_file_holds_what_belongs_elsewhere(path: Path) -> None:
    for what, pattern in (("unfinished work", UNFINISHED), ("a machine's path", MACHINE_PATHS), ("a host", HOSTS)):
        lines = [number for number, line in enumerate(text_of(path).split("\n"), 1) if pattern.search(line)]
        assert not lines, f"{name_of(path)} names {what} on lines {lines}"


@pytest.mark.parametrize(
    "path", [path for path in TEXTS if not re.search("/(http1|corpus)/", name_of(path))], ids=name_of
)
def test_white_space(path: Path) -> None:
    text = text_of(path)
    assert "\r" not in text
    assert text == "" or text.endswith("\n"), f"{name_of(path)} does not end with a newline"
    trailing = [number for number, line in enumerate(text.split("\n"), 1) if line != line.rstrip()]
    assert not trailing, f"{name_of(path)}: white space at the end of lines {trailing}"


def test_nothing_that_is_ignored_is_tracked() -> None:
    if not (ROOT / ".git").exists():
        return  # an unpacked sdist: MANIFEST.in has decided
    git = ["git", "ls-files", "--cached", "--ignored", "--exclude-standard"]
    assert subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split() == []


def test_names_say_what_a_module_holds() -> None:
    vague = {"util", "utils", "helper", "helpers", "common", "manager", "misc", "impl"}
    assert [name_of(path) for path in SOURCES if path.stem.strip("_") in vague] == []


# --- the rules tell good from bad -------------------------------------------------------------------------------------

PYTHON = 'def short():\n    """Three\n    lines\n    long."""\n    return 1\n'
CYTHON = """cdef class A:
    cdef int f(self, int x,
               int y) except -1:
        x += y

        return x

def g():
    pass
"""
C_TEXT = """static int f(int a,
             int b) {
  if (a) {
    return b;
  }
  return 0;
}

int g(void) { return 1;
}
"""


def test_functions_are_measured_without_docstrings() -> None:
    assert list(python_functions(PYTHON)) == [("short", 2)]
    assert list(cython_functions(CYTHON)) == [("f", 4), ("g", 2)]
    assert list(c_functions(C_TEXT)) == [("f", 7), ("g", 2)]


def test_an_exception_needs_a_reason() -> None:
    assert exceptions_of("x\nLonger: this file, parse - one switch reads as one\n") == {
        "this file": "one switch reads as one",
        "parse": "one switch reads as one",
    }
    assert exceptions_of("Longer: parse\n") == {}
