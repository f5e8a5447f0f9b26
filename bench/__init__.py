# SPDX-License-Identifier: MIT
"""Measures fastcorn beside its peers on one machine: `python -m bench --help`.

`__main__` reads the command line and calls one module a command (http1, micro, start, idle, commands, backpressure,
endurance, goals, chart, comparison). Servers always run in child processes, found by `interpreter` and described by `servers`;
this package itself never imports fastcorn. Only ratios taken in one run count: see README.md in this folder.
"""
