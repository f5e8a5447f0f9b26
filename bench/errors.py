# SPDX-License-Identifier: MIT
"""The one error of the harness: a line for people. Raised everywhere below `__main__`, which prints it and exits 2."""


class BenchError(Exception):
    """A measurement cannot be taken; the message names the reason and, where there is one, the remedy."""
