# SPDX-License-Identifier: MIT
"""Context: what all connections of a worker share."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest

from tests.applications import answering
from tests.serving import Serve


@pytest.mark.parametrize("when", [0.0, 951_782_400.0, 1_078_012_799.9, 1_733_011_199.0, 4_102_444_800.5])
def test_date_is_an_imf_fixdate(serve: Serve, monkeypatch: pytest.MonkeyPatch, when: float) -> None:
    """RFC 9110 section 5.6.7, at the edges of days, months, leap years and centuries."""
    served = serve(answering(b"x"))
    monkeypatch.setattr(time, "time", lambda: when)
    served.context.tick()
    assert served.context.date.decode() == formatdate(when, usegmt=True)
    assert served.request().answer.header(b"date") == served.context.date
