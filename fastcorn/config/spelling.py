# SPDX-License-Identifier: MIT
"""Did you mean: the known name nearest to a mistyped one. Called when a name is refused; difflib is imported then."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that is nearest to name, or None when none is near.

    Names are compared without case, dashes, underscores and the order of words, so that "--timeout-graceful" finds
    "--graceful-timeout".
    """
    import difflib

    folded: dict[str, str] = {}
    for candidate in known:
        folded.setdefault(fold(candidate), candidate)
        folded.setdefault(" ".join(sorted(fold(candidate).split())), candidate)
    for asked in (fold(name), " ".join(sorted(fold(name).split()))):
        found = difflib.get_close_matches(asked, folded, n=1, cutoff=0.72)
        if found:
            return folded[found[0]]
    return None


def fold(name: str) -> str:
    return name.lower().replace("-", " ").replace("_", " ").strip()
