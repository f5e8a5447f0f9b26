# SPDX-License-Identifier: MIT
"""Measures fastcorn beside its peers on one machine: `python -m bench --help`.

`__main__` calls one module a command (http1, micro, start, idle, commands, backpressure, endurance, goals, chart,
comparison). Servers always run in child processes, with the Python of `interpreter` and the commands of `servers`; only
`stages`, itself run in a child, imports fastcorn. Only ratios taken in one run count: see README.md in this folder.
"""
