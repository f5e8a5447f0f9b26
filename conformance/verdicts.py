# SPDX-License-Identifier: MIT
"""Reads the suite's findings: how many cases of each section have which verdict, and which are not good enough.

Called by `__main__` and `summary`; knows the words of the suite's index.json and nothing of how it was made.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.errors import ConformanceError

SECTIONS = {
    "1": "Framing",
    "2": "Pings and pongs",
    "3": "Reserved bits",
    "4": "Opcodes",
    "5": "Fragmentation",
    "6": "UTF-8",
    "7": "Close handshake",
    "9": "Limits and performance",
    "10": "Auto-fragmentation",
    "12": "Compression, different payloads",
    "13": "Compression, different parameters",
}
OK, INFORMATIONAL, NON_STRICT, UNIMPLEMENTED = "OK", "INFORMATIONAL", "NON-STRICT", "UNIMPLEMENTED"
GOOD_CLOSE = {OK, INFORMATIONAL}


@dataclass
class Verdicts:
    """What the suite said of one server.

    Attributes:
        cases: number of cases that were run.
        sections: section number -> verdict -> how many cases.
        wrong: case number -> what is not good enough: a verdict beyond OK and INFORMATIONAL, or an unclean close.
        informational: cases in which the standard allows more than one behaviour, in the suite's order.
    """

    cases: int = 0
    sections: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    informational: list[str] = field(default_factory=list)

    def count(self, verdict: str) -> int:
        """Cases with one verdict, over all sections."""
        return sum(section[verdict] for section in self.sections.values())


def order(case: str) -> list[int]:
    """A key that sorts case numbers as people do: 1.2.10 after 1.2.9."""
    return [int(part) for part in case.split(".")]


def read(results: Mapping[str, Mapping[str, object]]) -> Verdicts:
    """Counts the verdicts of one server.

    Args:
        results: one agent's part of index.json.

    Raises:
        ConformanceError: no case was run, which is what an unreachable server looks like.
    """
    if not results:
        raise ConformanceError("the suite ran no case; is the server reachable, and do the patterns name cases?")
    found = Verdicts(cases=len(results))
    for case in sorted(results, key=order):
        verdict, close = str(results[case]["behavior"]), str(results[case]["behaviorClose"])
        section = found.sections.setdefault(case.split(".")[0], Counter())
        section[verdict] += 1
        if verdict == INFORMATIONAL:
            found.informational.append(case)
        elif verdict != OK:
            found.wrong[case] = verdict
        if close not in GOOD_CLOSE:
            found.wrong[case] = f"{found.wrong.get(case, verdict)}, close {close}"
    return found
