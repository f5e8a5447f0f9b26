# SPDX-License-Identifier: MIT
"""What every test run shares: the Hypothesis profile, the report of the build under test, tests that need a program.

Loaded by pytest; imports nothing of fastcorn until a run begins, so that the rules of the tree can be checked before
anything is compiled. Reads FASTCORN_TEST_BUILD (set by the Makefile): the folder that fastcorn must come from.
"""

import importlib.util
import logging
import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).resolve().parents[1]

# The same examples on each run and no deadline: a slow machine must not change a verdict.
settings.register_profile(
    "fastcorn", derandomize=True, deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("fastcorn")


LOGGERS = ["fastcorn.access", "fastcorn.error", "hypercorn.access", "hypercorn.error"]


@pytest.fixture(autouse=True)
def loggers_as_before() -> Iterator[None]:
    """Takes back, after each test, what a server that ran in this process has set up in fastcorn's loggers."""
    before = [
        (log, list(log.handlers), log.level, log.propagate, log.disabled) for log in map(logging.getLogger, LOGGERS)
    ]
    yield
    for log, handlers, level, propagate, disabled in before:
        log.handlers[:] = handlers
        log.setLevel(level)
        log.propagate, log.disabled = propagate, disabled
    if made := sys.modules.get("fastcorn.observability.handlers"):
        made._made.clear()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--programs", action="store_true", help="run the tests marked program(name) too")


def origin_of_fastcorn() -> str:
    spec = importlib.util.find_spec("fastcorn")
    return os.path.dirname(spec.origin) if spec is not None and spec.origin else "not found"


def pytest_report_header(config: pytest.Config) -> str:
    return f"fastcorn: {origin_of_fastcorn()}"


def pytest_configure(config: pytest.Config) -> None:
    wanted = os.environ.get("FASTCORN_TEST_BUILD")
    if wanted and not origin_of_fastcorn().startswith(wanted):
        raise pytest.UsageError(f"these tests are for the build in {wanted}, but fastcorn is {origin_of_fastcorn()}")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests that need a program unless --programs is given; then only a missing program skips them."""
    needing = [item for item in items if item.get_closest_marker("program")]
    if not config.getoption("--programs"):
        if needing:
            config.hook.pytest_deselected(items=needing)
            items[:] = [item for item in items if item not in set(needing)]
        return
    for item in needing:
        for marker in item.iter_markers("program"):
            missing = [name for name in marker.args if shutil.which(name) is None]
            if missing:
                item.add_marker(pytest.mark.skip(reason=f"not run: needs {', '.join(missing)} on PATH"))
