"""Elan's hypnogram (`.hyp` as text): four lines of head, then a code for each `time_base`."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.scores.formats.events import listed, read_seconds
from psgvlm.scores.sheet import Sheet

_FORMAT = "Elan hypnogram"
_LIST = "epoch_list"


def read(path: Path, text: str) -> Sheet | None:
    """Return the codes after the head; None for a file that does not begin with `time_base`."""
    words = text.split()
    if words[:1] != ["time_base"]:
        return None
    if _LIST not in words:
        raise InputError(f"{path}: no {_LIST}; expected Elan's head of four lines")
    epoch_s = read_seconds(path, "time_base", words[1] if len(words) > 1 else "")
    if not 0 < epoch_s <= 300:
        raise InputError(f"{path}: time_base {epoch_s:g} s; expected the length of an epoch")
    marks = listed(path, words[words.index(_LIST) + 1 :])
    return Sheet(path, _FORMAT, marks, epoch_s=epoch_s, codes="rk")
