"""Reading the scores of a recording: from files, or from the recording's own annotations."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.recordings.recording import Recording
from psgvlm.scores.formats import read_sheet
from psgvlm.scores.formats.edf_annotations import sheet_of_annotations
from psgvlm.scores.formats.stage_signals import sheet_of_signals
from psgvlm.scores.placing import place
from psgvlm.scores.scores import Scores


def read_scores(
    paths: Path | Sequence[Path],
    recording: Recording,
    *,
    codes: str | None = None,
    epoch_s: float | None = None,
    scorer: str | None = None,
) -> Scores:
    """Read files of scores and place their stages on the recording.

    Parameters
    ----------
    paths : Path or sequence of Path
        One file in any format of `psgvlm.scores.formats`, or several that each hold another
        scorer of the same night.
    recording : Recording
        The recording that was scored.
    codes, epoch_s, scorer
        As `psgvlm.scores.place` takes them.

    Returns
    -------
    Scores

    Raises
    ------
    InputError
        If a file cannot be read, or for the reasons that `place` has.
    """
    paths = [paths] if isinstance(paths, Path) else list(paths)
    if not paths:
        raise InputError(f"{recording.path}: no files of scores; expected one or more")
    sheets = [read_sheet(path) for path in paths]
    return place(sheets, recording, codes=codes, epoch_s=epoch_s, scorer=scorer)


def annotated_scores(
    recording: Recording,
    *,
    codes: str | None = None,
    epoch_s: float | None = None,
    scorer: str | None = None,
    default_codes: str | None = None,
) -> Scores | None:
    """Read the scores in a recording itself: its annotations, or a signal of stages.

    Parameters
    ----------
    recording : Recording
        The recording, such as an EDF+ file with annotations `Sleep stage N2`.
    codes, epoch_s, scorer
        As `psgvlm.scores.place` takes them.
    default_codes : str, optional
        What numbers mean if the recording does not say so.

    Returns
    -------
    Scores or None
        None if no annotation is about a stage, and no signal holds stages.

    Raises
    ------
    InputError
        For the reasons that `place` has.
    """
    sheet = sheet_of_annotations(recording.path, recording.annotations())
    sheet = sheet or sheet_of_signals(recording.path)
    if sheet is None:
        return None
    sheet = replace(sheet, codes=sheet.codes or default_codes)
    return place(sheet, recording, codes=codes, epoch_s=epoch_s, scorer=scorer)
