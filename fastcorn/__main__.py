# SPDX-License-Identifier: MIT
"""python -m fastcorn: the same as the fastcorn command."""

from __future__ import annotations

import sys

from fastcorn.cli import main

if __name__ == "__main__":
    sys.exit(main())
