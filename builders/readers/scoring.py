"""How most readers read the scores of a night, and the options that they share for it."""

from dataclasses import replace

from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.recordings.recording import Recording
from psgvlm.scores.codes import CODES
from psgvlm.scores.finding import find_scores
from psgvlm.scores.scores import Scores

_ANY = ("folder", "bids", "hsp")  # here the names of files decide what they may hold

OPTIONS: dict[str, dict] = {
    "codes": {
        "choices": tuple(CODES),
        "default": None,
        "help": "what the numbers in the files of scores mean, such as rk (4 is stage 4, 5 is\n"
        "REM) or aasm (4 is REM). Default: what the data set or the file says",
    },
    "epoch_length": {
        "type": float,
        "metavar": "SECONDS",
        "default": None,
        "help": "the length of a scored epoch in seconds. Default: found from the file, or from\n"
        "the length of the recording",
    },
    "scorer": {
        "metavar": "NAME",
        "default": None,
        "help": "whose stages to use if several people or programs scored a night: a name, or\n"
        "consensus (the stage of most people). Default: the first person",
    },
}


def read(
    night: FoundNight,
    codes: str | None = None,
    epoch_length: float | None = None,
    scorer: str | None = None,
    *,
    default_codes: str | None = None,
) -> Scores | None:
    """Read the scores of a night from its files, else from its annotations.

    Parameters
    ----------
    night : FoundNight
    codes, epoch_length, scorer
        The options of `OPTIONS`.
    default_codes : str, optional
        What numbers mean in the files of this data set, if a file does not say so itself.

    Returns
    -------
    Scores or None
        None if nobody scored the night.
    """
    if epoch_length is not None and not float(epoch_length) > 0:
        raise InputError(f"{epoch_length}: expected more than 0 seconds", parameter="epoch_length")
    scores = find_scores(
        Recording(night.signal, gaps=True),
        night.scores,
        codes=codes,
        default_codes=default_codes,
        epoch_s=None if epoch_length is None else float(epoch_length),
        scorer=scorer,
        certain=night.cohort not in _ANY,
    )
    return scores and replace(scores, notes=scores.notes + night.notes)
