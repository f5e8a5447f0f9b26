# SPDX-License-Identifier: MIT
"""Writes docs/conformance.md from the verdicts. Called by `__main__` with --write; knows Markdown, not the suite."""

from collections.abc import Mapping

from conformance.verdicts import INFORMATIONAL, NON_STRICT, OK, SECTIONS, UNIMPLEMENTED, Verdicts

HEAD = """\
# WebSocket conformance

The [Autobahn testsuite](https://github.com/crossbario/autobahn-testsuite) is the usual judge of WebSocket
implementations: its fuzzing client talks to a server that echoes, breaks the protocol on purpose, and looks at the
answers and at how the connection is closed. `make conformance` runs it against both engines of fastcorn
(`websocket_engine`), fails when the native one fails a case, is not strict or closes uncleanly, and writes this page.

OK: as the standard says. Informational: the standard leaves it open. Non-strict: right in the end, but later than
possible. Not implemented: a parameter of the extension was declined. Failed: any other verdict. An unclean close is
listed below the table, whatever the verdict.

"""
TAIL = """
## Run it

    make conformance                                        # every case on both engines: half an hour
    make conformance ARGS="--engines native --cases '6.*'"  # a part; this page is left as it is

The suite is a program for Python 2.7, which must be installed (`PYTHON2=path/to/python` when it is not found); it is
fetched from PyPI into `build/autobahn` and never becomes part of fastcorn. Reports, a page for each case, are put below
`build/conformance`. `python -m conformance --server NAME=ws://HOST:PORT/` judges any other server.
"""


def row(verdicts: Verdicts, section: str | None = None) -> list[int]:
    """OK, informational, non-strict, not implemented and failed: of one section, or of all."""
    counted = {
        verdict: verdicts.count(verdict) if section is None else verdicts.sections[section][verdict]
        for verdict in (OK, INFORMATIONAL, NON_STRICT, UNIMPLEMENTED)
    }
    cases = verdicts.cases if section is None else sum(verdicts.sections[section].values())
    return [*counted.values(), cases - sum(counted.values())]


def render(found: Mapping[str, Verdicts], suite: str, versions: str) -> str:
    """The page.

    Args:
        found: verdicts by engine.
        suite: the suite with its version.
        versions: what was tested, for the last line of the tables.
    """
    parts = [HEAD]
    for engine, verdicts in found.items():
        parts.append(f"## {engine}\n\n")
        parts.append(
            "| section | OK | informational | non-strict | not implemented | failed |\n|---|---:|---:|---:|---:|---:|\n"
        )
        for section in verdicts.sections:
            cells = " | ".join(str(number) for number in row(verdicts, section))
            parts.append(f"| {section} {SECTIONS.get(section, '')} | {cells} |\n")
        parts.append(f"| **all {verdicts.cases}** | {' | '.join(f'**{number}**' for number in row(verdicts))} |\n")
        if verdicts.wrong:
            listed = "; ".join(f"{case} {what.lower()}" for case, what in verdicts.wrong.items())
            parts.append(f"\nNot OK: {listed}.\n")
        if verdicts.informational:
            parts.append(f"\nInformational: {', '.join(verdicts.informational)}.\n")
        parts.append("\n")
    parts.append(f"{suite}; {versions}.\n{TAIL}")
    return "".join(parts)
