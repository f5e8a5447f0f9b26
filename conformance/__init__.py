# SPDX-License-Identifier: MIT
"""Runs the Autobahn testsuite against fastcorn's WebSocket engines: `make conformance`, `python -m conformance --help`.

`__main__` reads the command line; `suite` installs and runs the fuzzing client; `verdicts` reads what it found;
`summary` writes docs/conformance.md; `application` is the echo that the suite talks to. Nothing here is installed.
"""
