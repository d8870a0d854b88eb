"""Arrays of numpy (`.npy`) as U-Sleep and SleepyLand write them: true stages, or probabilities."""

from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.files import read_bytes
from psgvlm.scores.formats.events import listed
from psgvlm.scores.sheet import Sheet
from psgvlm.stages import STAGES

SUFFIXES = (".npy",)
_FORMAT = "numpy array"
_TRUE, _PREDICTED = "_true", "_pred"


def read(path: Path) -> Sheet:
    """Return an array of codes as a list, or the likeliest stage of each row of probabilities."""
    values = _load(path)
    name = path.stem.casefold()
    predicted = name.endswith(_PREDICTED)
    codes = "aasm" if predicted or name.endswith(_TRUE) else None
    if values.ndim == 2 and values.shape[1] == len(STAGES) and values.dtype.kind == "f":
        texts, predicted = [STAGES[i] for i in np.argmax(values, 1).tolist()], True
    elif values.size and values.size == max(values.shape, default=0):
        texts = _texts(path, values.reshape(-1))
    else:
        raise InputError(
            f"{path}: an array of shape {values.shape}; expected a stage for each epoch, or "
            f"{len(STAGES)} probabilities"
        )
    scorer = "predicted" if predicted else ""
    algorithms = frozenset({scorer}) if predicted else frozenset()
    marks = {scorer: listed(path, texts)[""]}
    return Sheet(path, _FORMAT, marks, codes=codes, algorithms=algorithms)


def _load(path: Path) -> np.ndarray:
    read_bytes(path)  # refuses a file that cannot be read or is too large
    try:
        # A memory map is refused if the file is shorter than its header says.
        return np.array(np.load(path, mmap_mode="r", allow_pickle=False))
    # numpy raises many kinds of errors for a damaged header.
    except Exception as error:
        raise InputError(
            f"{path}: cannot be read as an array ({type(error).__name__}); expected one that numpy "
            "saved, without objects"
        ) from error


def _texts(path: Path, values: np.ndarray) -> list[str]:
    if values.dtype.kind == "U":
        return values.tolist()
    if values.dtype.kind == "S":
        return [value.decode("latin-1") for value in values.tolist()]
    if values.dtype.kind not in "iuf":
        raise InputError(f"{path}: an array of {values.dtype}; expected stages as numbers or words")
    numbers = np.where(np.isfinite(values.astype(float)), values.astype(float), np.nan)
    return ["" if number != number else f"{number:.10g}" for number in numbers.tolist()]
