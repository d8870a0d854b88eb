"""Readers: one module for each data set or folder layout, with only what is particular to it.

A reader module has `find(raw)`, which lists the nights below a folder, and
`read_scores(night, **options)`, which reads the stages of a night. `NAME` is the data set's name
for people, `EXPECTED` names the files that the reader looks for, `ALIASES` the channel labels that
only this data set uses, and `OPTIONS` the keyword arguments of `read_scores` in the form that
argparse takes.

`recognise` asks every reader which recordings below a folder are its own. For it a reader may have
`is_certain(night)`, whether labels or scores say so too; `claimed(night)`, further files of the
same night; `NAMES`, the names of its cohorts; and `title(nights)`, a name for these nights.
"""

from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.recognition import (
    READERS,
    describe,
    find_nights,
    key_of,
    recognise,
    recognise_file,
)

__all__ = [
    "READERS",
    "FoundNight",
    "describe",
    "find_nights",
    "key_of",
    "recognise",
    "recognise_file",
]
