"""The data sets of the National Sleep Research Resource (NSRR), except SHHS and STAGES.

Most have `polysomnography/edfs/[group/]X.edf` with the scores in other folders of the same tree,
`annotations-events-profusion/[group/]X-profusion.xml` and `annotations-events-nsrr/.../X-nsrr.xml`;
the others have them beside the recording. Each data set is a cohort of its own. A subject is a
person: all visits of a person are one subject.
"""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from psgvlm.builders.readers import scoring
from psgvlm.builders.readers.found_night import FoundNight
from psgvlm.builders.readers.layout import NamedFiles, found_night, head_of, read_table

from psgvlm.errors import InputError
from psgvlm.files import list_files
from psgvlm.scores import Scores, files_beside

NAME = "NSRR"
EXPECTED = (
    "polysomnography/edfs/.../mesa-sleep-NNNN.edf, mros-visit1-aaNNNN.edf, cfs-visit5-NNNNNN.edf "
    "or another data set of NSRR, with annotations-events-profusion or -nsrr in the same tree"
)
ALIASES: dict[str, tuple[str, ...]] = {}  # MESA's EEG1 to EEG3 are known by their labels
OPTIONS = scoring.OPTIONS


@dataclass(frozen=True)
class _Set:
    """A data set: its name for people, the names of its recordings, and where its scores lie.

    The first group of `pattern` is the person. `endings` are what the names of the scores have
    behind that of the recording, the best first.
    """

    name: str
    pattern: str
    endings: tuple[str, ...] = ("-profusion.xml", "-nsrr.xml", ".xml")


# The names are those of the lists in biomedical-signal-processing/sleepyland@73fac5d and of NSRR's
# own documentation.
_SETS = {
    "mesa": _Set("MESA", r"mesa-sleep-(\d{4})"),
    "mros": _Set("MrOS", r"mros-visit\d-(aa\d{4})"),
    "cfs": _Set("CFS", r"cfs-visit\d-(\d{6})"),
    "chat": _Set("CHAT", r"chat-(?:baseline|followup)(?:-nonrandomized)?-(\d{6})"),
    "ccshs": _Set("CCSHS", r"ccshs-trec-(\d{7})"),
    "sof": _Set("SOF", r"sof-visit-8-(\d{5})"),
    "abc": _Set("ABC", r"abc-(?:baseline|month\d\d)-(\d{6})"),
    "homepap": _Set("HomePAP", r"homepap-(?:lab|home)-(?:full|split|[a-z]+)-(\d{7})"),
    "wsc": _Set(
        "WSC", r"wsc-visit\d-(\d{5})(?:-nsrr)?", (".stg.txt", ".allscore.txt", ".xml", ".annot")
    ),
    "apples": _Set("APPLES", r"apples-(\d{6})", (".annot",)),
    "nchsdb": _Set("NCHSDB", r"(\d{1,5})_\d{1,5}", (".tsv", ".annot")),
    "mnc": _Set(
        "MNC",
        r"(ssc_\d+)_\d+(?:-nsrr)?|(ch[cp]\d{3}|dhc\d+)(?:-nsrr)?",
        (".eannot", ".xml", ".annot"),
    ),
    "msp": _Set("MSP", r"msp-(s\d{3})", (".annot", ".eannot", ".xml")),
    "apoe": _Set("APOE", r"apoe_(\d{4})", (".sta",)),
    "nsrr": _Set("another data set of NSRR", r"(?!)"),  # known by its folders
}
_TREE = re.compile(r"/polysomnography/edfs/(?!.*/shhs[12]-)")
NAMES = {cohort: each.name for cohort, each in _SETS.items()}
_PATTERNS = {cohort: re.compile(each.pattern, re.IGNORECASE) for cohort, each in _SETS.items()}
# Stages in the XML of visit 1 that are known to be wrong, by NSRR's documentation.
_MROS_WRONG = {
    f"mros-visit1-aa{number}"
    for number in ("2033", "3905", "4225", "4398", "4928", "5622", "5660", "5781")
}
_RK = ("wsc", "apoe")  # their numbers are those of Rechtschaffen and Kales


def find(raw: Path) -> list[FoundNight]:
    """List the recordings of every data set below a folder, set by set."""
    endings = {ending for each in _SETS.values() for ending in each.endings}
    signals = list_files(raw, (".edf",))
    files = NamedFiles(raw, endings, signals)
    families = _Families(raw)
    nights = []
    for path in signals:
        cohort, person = _set_and_person(path)
        if cohort:
            names = _names_of_scores(path.stem.lower(), _SETS[cohort].endings)
            # Where the raw folder is that of the signals alone, the scores lie in one beside it.
            scores = files.of(path, names) or _beside(path, names)
            night = found_night(cohort, raw, path, person, scores)
            nights.append(families.keep_together(night) if cohort == "cfs" else night)
    return sorted(nights, key=lambda night: list(_SETS).index(night.cohort))


def _set_and_person(path: Path) -> tuple[str, str]:
    """Return the cohort and the person that a recording's name says; "" if it says none."""
    for cohort, pattern in _PATTERNS.items():
        if match := pattern.fullmatch(path.stem):
            return cohort, next(filter(None, match.groups())).lower()
    stem = path.stem.lower()
    numbers = re.findall(r"[a-z]{0,2}\d{3,}", stem)
    if numbers and _TREE.search(path.absolute().as_posix()):
        return "nsrr", f"{stem.partition('-')[0]}-{numbers[-1]}"
    return "", ""


def _names_of_scores(stem: str, endings: tuple[str, ...]) -> list[str]:
    """Return the names that scores may have; the recording's `-nsrr` may be missing in them."""
    stems = dict.fromkeys((stem, stem.removesuffix("-nsrr")))
    return [f"{name}{ending}" for ending in endings for name in stems]


def _beside(path: Path, names: list[str]) -> list[Path]:
    """Return the scores with one of the names in folders beside that of the signals."""
    found = {score.name.lower(): score for score in files_beside(path)}
    return [found[name] for name in names if name in found]


def is_certain(night: FoundNight) -> bool:
    """Return whether the name is unmistakable, or the scores are those of the data set."""
    if night.cohort == "nsrr":
        return any(
            path.name.lower().endswith(("-nsrr.xml", "-profusion.xml")) for path in night.scores
        )
    if night.cohort != "nchsdb":
        return True
    head = "".join(head_of(path, 5000) for path in night.scores).lower()
    return "description" in head and ("sleep stage" in head or "start recording" in head)


def read_scores(night: FoundNight, **options) -> Scores | None:
    """Read the first of the scores that can be read; refuse those that are known to be wrong."""
    if night.signal.stem.lower() in _MROS_WRONG:
        raise InputError(
            f"{night.signal}: NSRR lists its stages among those known to be wrong; expected a "
            "recording whose stages are right: leave it out"
        )
    default = "rk" if night.cohort in _RK else None
    return scoring.read(night, **options, default_codes=default)


class _Families:
    """Who is related to whom in CFS, by the column `famID` of a table below the raw folder."""

    def __init__(self, raw: Path):
        self._raw = raw
        self._family: dict[str, str] | None = None
        self._table = ""

    def keep_together(self, night: FoundNight) -> FoundNight:
        """Return the night with its family as the subject, or a note that nobody knows it."""
        if self._family is None:
            self._family = self._read()
        family = self._family.get(night.subject.lstrip("0"))
        if family:
            note = f"the subject is the family, by famID in {self._table}"
            return replace(night, subject=f"family-{family}", notes=(note,))
        note = (
            "no table with famID below the raw folder: relatives may be in different splits"
            if not self._table
            else f"{self._table} has no famID for it: relatives may be in different splits"
        )
        return replace(night, notes=(note,))

    def _read(self) -> dict[str, str]:
        for path in list_files(self._raw, (".csv",)):
            if "famid" not in head_of(path, 5000).lower():
                continue
            rows = read_table(path)
            ids = [name for name in ("nsrrid", "obf_pptid", "pptid", "id") if name in rows[0]]
            if ids:
                self._table = path.name
                return {row[ids[0]].lstrip("0"): row["famid"] for row in rows if row.get("famid")}
        return {}
