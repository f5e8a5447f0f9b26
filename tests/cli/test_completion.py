# SPDX-License-Identifier: MIT
"""Completion scripts: every flag is offered, the scripts are valid, and bash completes with them."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from fastcorn.completion import SHELLS, completion_script, offered_flags
from fastcorn.config.errors import UsageError
from fastcorn.config.table import SETTINGS

BASH = shutil.which("bash") or "bash"


def bash(script: str) -> str:
    done = subprocess.run([BASH, "-c", script], capture_output=True, text=True, timeout=30, check=True)
    assert done.stderr == ""
    return done.stdout


def complete(*words: str) -> list[str]:
    """What bash offers for the last of the words."""
    line = " ".join(f"'{word}'" for word in words)
    script = f"COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _fastcorn; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    return bash(completion_script("bash") + script).split()


@pytest.mark.parametrize("shell", SHELLS)
def test_every_flag_but_the_deprecated_ones_is_offered(shell: str) -> None:
    script = completion_script(shell)
    for setting in SETTINGS.values():
        flag = setting.flag if shell != "fish" else f"-l {setting.flag[2:]}"
        assert flag in script
    names = [name if shell != "fish" else f"-l {name[2:]}" for name in ("--access-log", "--cert-reqs")]
    for name in names:
        assert re.search(rf"{name}(?![\w-])", script) is None
    assert set(SHELLS) <= set(re.findall(r"\w+", completion_script("bash")))


def test_the_bash_script_is_valid_and_completes() -> None:
    assert complete("fastcorn", "--keep-al") == [
        "--keep-alive-max-requests", "--keep-alive", "--keep-alive-timeout",
    ]  # fmt: skip
    assert complete("fastcorn", "--loop", "uv") == ["uvloop"]
    assert complete("fastcorn", "completion", "") == ["bash", "zsh", "fish"]
    assert complete("fastcorn", "che") == ["check"]
    assert complete("fastcorn", "--workers", "") == []


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_quotes_of_the_other_scripts_are_closed(shell: str) -> None:
    for line in completion_script(shell).splitlines():
        if not line.startswith("#"):
            assert line.count("'") % 2 == 0, line


def test_an_unknown_shell_is_refused() -> None:
    with pytest.raises(
        UsageError, match="completion: must be bash, zsh or fish, not 'tcsh'; write fastcorn completion"
    ):
        completion_script("tcsh")
    with pytest.raises(UsageError, match="not nothing"):
        completion_script(None)


def test_flags_that_take_a_value_say_so() -> None:
    assert {name for name, flag in offered_flags().items() if not flag.takes_value} >= {"--help", "--no-factory", "-D"}
