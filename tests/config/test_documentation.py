# SPDX-License-Identifier: MIT
"""The pages about settings say what the table says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from fastcorn.config.documentation import settings_page
from fastcorn.config.flags import OWN_FLAGS, UNAVAILABLE, all_flags
from fastcorn.config.pending import REMEDIES
from fastcorn.config.table import GROUPS, SETTINGS
from fastcorn.config.usage import help_text

DOCS = Path(__file__).resolve().parents[2] / "docs"


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def test_the_settings_page_is_the_table() -> None:
    assert read("settings.md") == settings_page(), "run: python -m fastcorn.config.documentation > docs/settings.md"


def test_the_page_is_printed_by_its_module() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "fastcorn.config.documentation"], capture_output=True, text=True, timeout=30, check=True
    )
    assert made.stdout == settings_page()


def test_the_page_names_every_setting_flag_and_variable() -> None:
    page = settings_page()
    for setting in SETTINGS.values():
        assert f"### {setting.name}\n" in page
        for word in (*setting.all_flags, *setting.negative_flags, setting.variable, *setting.environment):
            assert f"`{word}" in page, word


def test_the_other_pages_name_only_settings_and_flags_that_exist() -> None:
    known = {*all_flags(), *UNAVAILABLE, "--no-", "--flag"}
    for name in ("configuration.md", "migrating.md"):
        text = read(name)
        flags = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", text))
        assert flags - known <= {"--work", "--flag"}, name
    for name in REMEDIES:
        assert f"`{name}" in read("migrating.md"), name


def test_the_help_names_every_setting_within_its_width() -> None:
    for width in (60, 100, 120):
        text = help_text(width)
        assert max(map(len, text.splitlines())) <= 120
        for setting in SETTINGS.values():
            shown = setting.flag.replace("--", "--[no-]", 1) if setting.is_switch else setting.flag
            assert f"{shown}" in text
    words = re.sub(r"\s+", " ", help_text(100))
    assert all(setting.help in words for setting in SETTINGS.values())
    assert all(f"{group}:" in words for group in GROUPS)
    assert all(text in words for _, text in OWN_FLAGS.values())
