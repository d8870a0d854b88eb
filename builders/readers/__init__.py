"""Readers: one module for each cohort or folder layout, with only what is particular to it.

A reader module has `find(raw)`, which lists the nights below a folder, and `read_scores(night)`,
which reads the stages of a night. `EXPECTED` names the files that the reader looks for, `ALIASES`
the channel labels that only this cohort uses, and `OPTIONS` the keyword arguments of `read_scores`
in the form that argparse takes.
"""

from pathlib import Path
from types import ModuleType

from psgvlm.builders.readers import folder, isruc, mass, shhs
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm import files
from psgvlm.errors import InputError

__all__ = ["READERS", "FoundNight", "find_nights"]

READERS = {"isruc": isruc, "mass": mass, "shhs": shhs, "folder": folder}


def find_nights(reader: ModuleType, raw: Path) -> list[FoundNight]:
    """List the nights that a reader finds below a folder.

    Parameters
    ----------
    reader : module
        One of the modules of `READERS`.
    raw : Path
        The folder as it was downloaded.

    Returns
    -------
    list of FoundNight
        At least one night; every recording has another name.

    Raises
    ------
    InputError
        If the folder does not exist, if it holds no recording of this layout, or if two files are
        the same recording.
    """
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected a folder that holds {reader.EXPECTED}")
    nights = reader.find(raw)
    if not nights:
        count = len(files.list_files(raw, ("",)))
        raise InputError(f"{raw}: no recordings among {count} files; expected {reader.EXPECTED}")
    path_of: dict[str, Path] = {}
    for night in nights:
        other = path_of.setdefault(night.recording, night.signal)
        if other != night.signal:
            raise InputError(
                f"{night.signal}: this file and {other} are both the recording {night.recording}; "
                "expected each recording once: remove one file, or name the folder that holds only "
                "one of them"
            )
    return nights
