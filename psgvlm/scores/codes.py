"""Numbers that stand for stages: one table for each program or data set.

The same number means different stages in different files, so that a number is read only by a table
that is known: from the data set, from the file itself, or from the user.
"""

from collections.abc import Mapping
from types import MappingProxyType


def _table(wake: str, n1: str, n2: str, n3: str, rem: str, unscored: str) -> Mapping:
    """Return a table from texts with the numbers of each stage, separated by spaces."""
    stages = {"W": wake, "N1": n1, "N2": n2, "N3": n3, "R": rem, None: unscored}
    return MappingProxyType(
        {int(number): stage for stage, numbers in stages.items() for number in numbers.split()}
    )


# None is an epoch without a stage: movement, artefact, not scored, lights.
CODES: Mapping[str, Mapping[int, str | None]] = MappingProxyType(
    {
        # NSRR, Profusion, lists by Rechtschaffen and Kales, SpiSOP, WSC, Sleep-EDF of 2002.
        "rk": _table("0", "1", "2", "3 4", "5", "-3 -2 -1 6 7 8 9 10"),
        # YASA, Visbrain, DOD, BOAS, U-Time, most networks.
        "aasm": _table("0", "1", "2", "3", "4", "-3 -2 -1 5 6 7 8 9"),
        "isruc": _table("0", "1", "2", "3", "5", ""),
        "ucddb": _table("0", "2", "3", "4 5", "1", "6 7 8"),
        "dreams": _table("5", "3", "2", "0 1", "4", "-1 -2 -3"),
        "fasst": _table("0", "1", "2", "3", "5", "6 7"),
        "deltamed": _table("1", "3", "4", "5", "2", ""),
        "eesm": _table("1", "3", "4", "5", "2", "7 8"),
        "ucsd": _table("1", "3", "4", "5", "2", "0"),
        "fdcsr": _table("5", "1", "2", "3 4", "6", "0 7 8 9"),
        "cinc2026": _table("5", "3", "2", "1", "4", "0 9"),
        "physip": _table("4", "2", "1", "0", "3", "5"),
        "alice": _table("11", "12", "13", "14", "15", ""),
        "zmax": _table("5", "1", "2", "3", "4", ""),
    }
)
