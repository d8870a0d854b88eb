"""XML of Compumedics Profusion, which NSRR gives beside its own: a `SleepStage` for each epoch."""

from collections import Counter
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.files import quote_short
from psgvlm.scores.formats.events import listed, read_seconds
from psgvlm.scores.sheet import Sheet

ROOTS = ("CMPStudyConfig",)
_FORMAT = "Profusion XML"
_DOCUMENTED = {"0", "1", "2", "3", "4", "5", "6", "9"}


def read(path: Path, root) -> Sheet:
    """Return the stages, which follow each other from the first sample of the recording."""
    elements = root.findall("./SleepStages/SleepStage")
    if not elements:
        raise InputError(f"{path}: no SleepStages/SleepStage; expected one for each epoch")
    epoch_s = read_seconds(path, "EpochLength", root.findtext("EpochLength") or "30")
    if not 1 <= epoch_s <= 300:
        raise InputError(f"{path}: epochs of {quote_short(str(epoch_s))} s; expected 1 to 300")
    texts = [(element.text or "").strip() for element in elements]
    odd = Counter(text for text in texts if text.isdigit() and text not in _DOCUMENTED)
    notes = [
        f"code {code} stands {count} times and is no stage of Profusion's: left unscored"
        for code, count in sorted(odd.items())
    ]
    marks = listed(path, texts)
    return Sheet(path, _FORMAT, marks, epoch_s=epoch_s, codes="rk", notes=tuple(notes))
