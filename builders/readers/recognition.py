"""Which data set the recordings below a folder belong to, and what each reader finds there."""

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from psgvlm.builders.readers import (
    anphy,
    bids,
    boas,
    cap,
    dcsm,
    dod,
    dreams,
    folder,
    hmc,
    isruc,
    mass,
    nsrr,
    shhs,
    sleep_edf,
    stages,
    ucddb,
    wfdb,
)
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm import files
from psgvlm.errors import InputError

# Those with unmistakable names come first, the one for anything else last.
READERS: dict[str, ModuleType] = {
    "isruc": isruc,
    "mass": mass,
    "shhs": shhs,
    "sleep-edf": sleep_edf,
    "hmc": hmc,
    "cap": cap,
    "dreams": dreams,
    "ucddb": ucddb,
    "dod": dod,
    "dcsm": dcsm,
    "nsrr": nsrr,
    "stages": stages,
    "boas": boas,
    "bids": bids,
    "anphy": anphy,
    "wfdb": wfdb,
    "folder": folder,
}


def key_of(reader: ModuleType) -> str:
    """Return the word by which `psgvlm build` knows a reader."""
    return next(name for name, module in READERS.items() if module is reader)


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
    _check_folder(raw, reader)
    nights = reader.find(raw)
    if not nights:
        raise _nothing_found(raw, reader)
    check_unique(nights)
    return nights


@files.walking_once()
def recognise(raw: Path) -> list[tuple[str, ModuleType, list[FoundNight]]]:
    """Tell which recordings below a folder belong to which data set.

    A recording belongs to a data set if its name and its place are those of the data set, and its
    labels or its scores say so too. All others are read as any folder is.

    Parameters
    ----------
    raw : Path
        The folder as it was downloaded; it may hold several data sets.

    Returns
    -------
    list of (str, module, list of FoundNight)
        The cohort, its reader and its nights; every recording below the folder once. `folder`, for
        recordings of no known data set, comes last.

    Raises
    ------
    InputError
        If the folder does not exist, or if it holds no recording.
    """
    _check_folder(raw, folder)
    recognised: list[tuple[str, ModuleType, list[FoundNight]]] = []
    claimed: set[Path] = set()
    for reader in READERS.values():
        if reader is folder:
            continue
        nights = [n for n in _own(reader, reader.find(raw)) if n.signal not in claimed]
        for night in nights:
            claimed.update((night.signal, *night.scores, *_also_claimed(reader, night)))
        for cohort in dict.fromkeys(night.cohort for night in nights):
            of_cohort = [night for night in nights if night.cohort == cohort]
            check_unique(of_cohort)
            recognised.append((cohort, reader, of_cohort))
    others = folder.find(raw, claimed)
    if others:
        check_unique(others)
        recognised.append(("folder", folder, others))
    if not recognised:
        raise _nothing_found(raw, folder)
    return recognised


@files.walking_once()
def recognise_file(path: Path) -> tuple[str, ModuleType, Path, FoundNight] | None:
    """Tell which data set one recording belongs to, with its scores where they lie elsewhere.

    The folders above its own are searched only if it is surely of a data set, and then only by the
    reader of that set. What is odd about other recordings there does not matter.

    Returns
    -------
    (str, module, Path, FoundNight) or None
        The cohort, its reader, the folder where the search began, and the night; None if no reader
        takes the file for a recording.
    """
    for reader in READERS.values():
        nights = [n for n in reader.find(path.parent) if n.signal.parent == path.parent]
        night = _night_of(path, _own(reader, nights))
        if night is None:
            continue
        if reader is not folder and not night.scores:
            for root in list(path.absolute().parents)[1:3]:
                above = _night_of(path, reader.find(root))
                if above and above.scores:
                    return above.cohort, reader, root, above
        return night.cohort, reader, path.parent, night
    return None


def _night_of(path: Path, nights: Sequence[FoundNight]) -> FoundNight | None:
    return next((night for night in nights if night.signal.absolute() == path.absolute()), None)


def describe(reader: ModuleType, nights: Sequence[FoundNight]) -> str:
    """Return a line about the nights of one cohort, for a person.

    Examples
    --------
    `"Sleep-EDF cassette, 153 recordings of 78 people"`
    """
    cohort = nights[0].cohort
    if hasattr(reader, "title"):
        name = reader.title(nights)
    else:
        name = getattr(reader, "NAMES", {}).get(cohort, reader.NAME)
    people = len({night.subject for night in nights})
    recordings = f"{len(nights)} recording{'s' * (len(nights) != 1)}"
    return f"{name}, {recordings} of {people} {'person' if people == 1 else 'people'}"


def check_unique(nights: Sequence[FoundNight]) -> None:
    """Raise InputError if two files are the same recording of one cohort."""
    path_of: dict[str, Path] = {}
    for night in nights:
        other = path_of.setdefault(f"{night.cohort} {night.recording}", night.signal)
        if other != night.signal:
            raise InputError(
                f"{night.signal}: this file and {other} are both the recording {night.recording}; "
                "expected each recording once: remove one file, or name the folder that holds only "
                "one of them"
            )


def _own(reader: ModuleType, nights: list[FoundNight]) -> list[FoundNight]:
    """Return those of a reader's nights that are surely of its data set.

    A recording without evidence of its own belongs to the data set if others in its folder do.
    """
    is_certain = getattr(reader, "is_certain", None)
    if is_certain is None:
        return nights
    certain = {night.signal for night in nights if is_certain(night)}
    places = {path.parent for path in certain}
    return [n for n in nights if n.signal in certain or n.signal.parent in places]


def _also_claimed(reader: ModuleType, night: FoundNight) -> Sequence[Path]:
    return reader.claimed(night) if hasattr(reader, "claimed") else ()


def _check_folder(raw: Path, reader: ModuleType) -> None:
    if raw.is_file():
        raise InputError(
            f"{raw}: a file; expected the folder that holds it: {raw.absolute().parent}"
        )
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected a folder that holds {reader.EXPECTED}")


def _nothing_found(raw: Path, reader: ModuleType) -> InputError:
    count = len(files.list_files(raw, ("",)))
    return InputError(f"{raw}: no recordings among {count} files; expected {reader.EXPECTED}")
