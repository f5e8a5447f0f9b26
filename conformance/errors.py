# SPDX-License-Identifier: MIT
"""What stops a run, said in one line. Raised by `suite`, `verdicts` and `__main__`; printed by `__main__`."""


class ConformanceError(Exception):
    """The suite could not be installed or run, or left no results; the message says what to do."""
