# SPDX-License-Identifier: MIT
"""The version, in one place: read by the build, by `fastcorn --version` and by the `server` header."""

__version__ = "0.1.0"
