# SPDX-License-Identifier: MIT
"""Kinds of values: how each is written as text, checked, and shown.

The table of settings gives each setting one kind. Kinds know nothing of settings: they raise ValueError with a sentence
about the value, and the caller adds the name and the origin. Nothing heavy is imported here; a kind that needs ssl or
json imports it when such a value is met.
"""

from __future__ import annotations

from fastcorn.config.kinds.base import Kind
from fastcorn.config.kinds.certificates import Certificates
from fastcorn.config.kinds.lists import Addresses, Headers, Networks, Texts
from fastcorn.config.kinds.numbers import Count, Duration, ProcessCount, Rate, Size
from fastcorn.config.kinds.objects import (
    ContextFactory,
    Hook,
    LoggerClass,
    LogTarget,
    Mapping,
    VerifyFlags,
    VerifyMode,
)
from fastcorn.config.kinds.owners import Owner, Umask
from fastcorn.config.kinds.security import TransportSecurity
from fastcorn.config.kinds.words import Boolean, Choice, FilePath, RequestLine, RootPath, Text

__all__ = [
    "Addresses", "Boolean", "Certificates", "Choice", "ContextFactory", "Count", "Duration", "FilePath", "Headers",
    "Hook", "Kind", "LogTarget", "LoggerClass", "Mapping", "Networks", "Owner", "ProcessCount", "Rate", "RequestLine",
    "RootPath", "Size", "Text", "Texts", "TransportSecurity", "Umask", "VerifyFlags", "VerifyMode",
]  # fmt: skip
