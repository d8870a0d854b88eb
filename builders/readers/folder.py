"""Any folder of EDF, EDF+ or other recordings that MNE reads, with or without sleep stages.

Stages are read from a file beside the recording: `X-Hypnogram.edf` (Sleep-EDF), `X.xml`,
`X-profusion.xml` or `X-nsrr.xml`, BIDS `..._events.tsv`, `X.csv` or `X.txt` (one stage on each
line). If there is none, they are read from annotations `Sleep stage ...` in the recording. A
recording without any stages is drawn unscored.

The subject is that of BIDS (`sub-01`) or of Sleep-EDF (`SC400` for the nights SC4001 and SC4002).
Otherwise it is the folder and the name of the file without `night1`, `ses-2` and the like at the
end.
"""

import re
from pathlib import Path

from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.files import list_files, printable_name
from psgvlm.recordings.edf import EdfFile
from psgvlm.recordings.recording import SUFFIXES, Recording
from psgvlm.scores import score_files, xml
from psgvlm.scores.scores import Scores, scores_from_events

NAME = "other recordings"
EXPECTED = (
    "EDF or BDF recordings (.edf, .rec, .bdf), or WFDB, HDF5, BrainVision, EEGLAB, FIF, GDF, CNT"
)
ALIASES: dict[str, tuple[str, ...]] = {}
OPTIONS: dict[str, dict] = {}

# Short words count only after a separator: Jan1 and Jan2 are two people, P01_n1 and P01_n2 one.
_SESSION = re.compile(
    r"(?:(?:^|[ _-])(?:ses|visit|run|n)|[ _-]?(?:night|session))[ _-]?\d+$", re.IGNORECASE
)
_SLEEP_EDF = re.compile(r"(SC4\d\d|ST7\d\d)\d[A-Z]\d-PSG", re.IGNORECASE)


def find(raw: Path) -> list[FoundNight]:
    """List every recording below a folder. EDF+ files with only annotations are scores."""
    signals = [path for path in list_files(raw, SUFFIXES) if not _only_annotations(path)]
    names = [str(path.relative_to(raw).with_suffix("")) for path in signals]
    nights = []
    for signal, name in zip(signals, names, strict=True):
        if names.count(name) > 1:  # x.edf beside x.bdf
            name += signal.suffix
        nights.append(
            FoundNight(
                cohort="folder",
                subject=printable_name(_subject(signal.relative_to(raw))),
                recording=printable_name(Path(name).as_posix()),
                signal=signal,
                scores=tuple(_beside(signal)),
            )
        )
    return nights


def read_scores(night: FoundNight) -> Scores | None:
    """Read the stages from the first file beside the recording, else from its annotations.

    Return `None` if there are no stages: the recording is unscored.
    """
    if not night.scores:
        recording = Recording(night.signal, gaps=True)
        events = score_files.annotated_events(night.signal, recording.annotations())
        return scores_from_events(night.signal, events) if events else None
    path, *more = night.scores
    notes = ()
    if more:
        notes = (f"stages were read from {path.name}, not from {', '.join(p.name for p in more)}",)
    scores = _read(path)
    return Scores(scores.onset_s, scores.stages, notes=scores.notes + notes)


def _read(path: Path) -> Scores:
    suffix = path.suffix.lower()
    if suffix == ".edf":
        return scores_from_events(
            path, score_files.annotated_events(path, EdfFile(path).annotations())
        )
    if suffix == ".tsv":
        return scores_from_events(path, score_files.bids_events(path))
    if suffix != ".xml":
        return Scores(0.0, score_files.listed_stages(path))
    root = xml.parse_xml(path)
    if root.tag == "CMPStudyConfig":
        return Scores(0.0, score_files.profusion_stages(path, root))
    if root.tag == "PSGAnnotation":
        return scores_from_events(path, score_files.nsrr_events(path, root))
    raise InputError(
        f"{path}: its root element is {root.tag[:40]!r}; expected CMPStudyConfig (Profusion) or "
        "PSGAnnotation (NSRR)"
    )


def _beside(signal: Path) -> list[Path]:
    """Return the files beside a recording that may hold its stages, best first."""
    stem = signal.stem
    bids = re.sub(r"_(eeg|ieeg|psg)$", "", stem)
    names = [f"{stem}-Hypnogram.edf", f"{stem}-profusion.xml", f"{stem}-nsrr.xml", f"{stem}.xml"]
    names += [f"{bids}_events.tsv", f"{stem}.csv", f"{stem}.txt"]
    paths = [path for name in names if (path := signal.with_name(name)).is_file()]
    if stem.upper().endswith("-PSG"):
        # Sleep-EDF: SC4001E0-PSG.edf and SC4001EC-Hypnogram.edf, where C is the scorer.
        start = stem[: -len("-PSG")]
        pattern = re.compile(re.escape(start[:-1]) + r".?-Hypnogram\.edf", re.IGNORECASE)
        paths = sorted(p for p in signal.parent.iterdir() if pattern.fullmatch(p.name)) + paths
    return paths


def _subject(path: Path) -> str:
    for part in reversed(path.parts):
        if match := re.match(r"sub-[A-Za-z0-9]+", part):
            return match[0]
    if match := _SLEEP_EDF.fullmatch(path.stem):
        return match[1].upper()
    parts = [_SESSION.sub("", part) for part in (*path.parent.parts, path.stem)]
    return "/".join(filter(None, parts)) or path.stem


def _only_annotations(path: Path) -> bool:
    """Return whether an EDF+ file holds only annotations.

    A damaged file counts as a recording, so that the build skips it and says why.
    """
    if path.suffix.lower() not in (".edf", ".bdf"):
        return False
    try:
        return not EdfFile(path).has_signals
    except InputError:
        return False
