# SPDX-License-Identifier: MIT
"""Files of environment variables (fastcorn.asgi.envfile)."""

import os
from pathlib import Path

import pytest

from fastcorn.asgi.envfile import load_env_file, read_env_file
from fastcorn.errors import NoAppError


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("A=b", "b"),
        ("A = b ", "b"),
        ("export A=b", "b"),
        ("A=", ""),
        ("A=b # note", "b"),
        ("A=b#c", "b#c"),
        ("A=# note", ""),
        ("A='b # c' # note", "b # c"),
        ('A="b\\nc\\t\\"d\\" \\x"', 'b\nc\t"d" \\x'),
        ("A='b\\nc'", "b\\nc"),
        ("A=b=c", "b=c"),
        ("A=é", "é"),
    ],
)
def test_line(line: str, value: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(f"\n# comment\n{line}\n", encoding="utf-8")
    assert read_env_file(str(file)) == {"A": value}


@pytest.mark.parametrize("line", ["A", "1A=b", "A='b", 'A="b', "A='b' c", "A-B=c", "A=a\0b"])
def test_bad_line_is_named(line: str, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text(f"X=1\n{line}\n")
    with pytest.raises(NoAppError, match="line 2 of .*env' is not NAME=value"):
        read_env_file(str(file))


def test_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoAppError, match=r"nosuch' \(setting env_file\): No such file"):
        read_env_file(str(tmp_path / "nosuch"))


def test_file_must_be_text(tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_bytes(b"A=\xff\n")
    with pytest.raises(NoAppError, match="not UTF-8"):
        read_env_file(str(file))


def test_variables_that_are_set_win(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "env"
    file.write_text("FASTCORN_ENVFILE_A=file\nFASTCORN_ENVFILE_B=file\n")
    monkeypatch.setenv("FASTCORN_ENVFILE_A", "outside")
    monkeypatch.setenv("FASTCORN_ENVFILE_B", "taken back at the end")
    monkeypatch.delenv("FASTCORN_ENVFILE_B")
    load_env_file(str(file))
    assert os.environ["FASTCORN_ENVFILE_A"] == "outside"
    assert os.environ["FASTCORN_ENVFILE_B"] == "file"
