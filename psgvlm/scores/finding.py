"""The scores of a recording from whatever lies beside it, and what was found and not used."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.recordings.recording import Recording
from psgvlm.scores.beside import files_beside, is_likely, is_program
from psgvlm.scores.formats import read_sheet
from psgvlm.scores.formats.edf_annotations import sheet_of_annotations
from psgvlm.scores.formats.stage_signals import sheet_of_signals
from psgvlm.scores.meanings import quoted
from psgvlm.scores.placing import CONSENSUS, place
from psgvlm.scores.scores import Scores
from psgvlm.scores.sheet import Sheet
from psgvlm.scores.words import is_stage_text
from psgvlm.stages import EPOCH_S

# `..._scorer2`: the files of several scorers of one night differ in this alone.
_SCORER = re.compile(
    r"((?:scorer|rater|expert|annotator|reader)[ _-]?([0-9a-z]+)|scoring[ _-]?(\d+|[a-z]))"
    r"(?=(_events|_annotations|_hypnogram)?$)",
    re.IGNORECASE,
)


def find_scores(
    recording: Recording,
    paths: Sequence[Path] | None = None,
    *,
    codes: str | None = None,
    default_codes: str | None = None,
    epoch_s: float | None = None,
    scorer: str | None = None,
    certain: bool = False,
) -> Scores | None:
    """Read the scores of a recording from the first file that holds them, or its own annotations.

    Parameters
    ----------
    recording : Recording
        The recording that was scored.
    paths : sequence of Path, optional
        Files that may hold its scores, the best first. Default: `files_beside`.
    codes, epoch_s, scorer
        As `psgvlm.scores.place` takes them. A scorer who has a file of his or her own may also be
        given by the last part of its name, such as `"2"` for `P1_scorer2.txt`.
    default_codes : str, optional
        What numbers mean in a file that does not say so.
    certain : bool, optional
        Whether `paths` hold its scores whatever their names say. Default: False.

    Returns
    -------
    Scores or None
        `notes` names the files that were not read. None if there are neither files nor annotations
        with stages; if there are files without stages, every epoch is None and a warning names
        them.

    Raises
    ------
    InputError
        If a file whose name says that it holds the scores cannot be read, and no other can.
    """
    paths = files_beside(recording.path) if paths is None else list(paths)
    options = {"codes": codes, "epoch_s": epoch_s}
    failures: list[tuple[Path, InputError]] = []
    scores, used = None, ()
    programs = [path for path in paths if is_program(recording.path, path)]
    unasked = [path for path in programs if scorer not in (path.stem, path.name)]
    for group in _groups([path for path in paths if path not in unasked]):
        try:
            sheets = [read_sheet(path) for path in group]
            sheets = [replace(sheet, codes=sheet.codes or default_codes) for sheet in sheets]
            chosen = _scorer_of(sheets, scorer)
            scores, used = place(sheets, recording, **options, scorer=chosen), group
            break
        except InputError as error:
            failures.append((group[0], error))
    if scores is None:
        scores = annotated_scores(recording, **options, scorer=scorer, default_codes=default_codes)
    likely = [each for each in failures if certain or _matters(recording.path, *each)]
    if scores is None and likely:
        raise likely[0][1]
    if scores is None:
        read = [path for path in paths if path not in unasked]
        return _unscored(recording, read, unasked, _first_reason(failures))
    return _with_notes(scores, recording.path, used, paths, likely)


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


def _matters(signal: Path, path: Path, error: InputError) -> bool:
    """Return whether a file that was not read should have been, by its name.

    A JSON of the recording's name mostly describes it, unless what it lacks is only an option.
    """
    describes = path.suffix.lower() == ".json" and error.parameter is None
    return is_likely(signal, path) and not (describes and path.stem == signal.stem)


def _first_reason(failures: Sequence[tuple[Path, InputError]]) -> str:
    """Return why the first file was not read, or the first that an option would help with."""
    for path, error in sorted(failures, key=lambda each: each[1].parameter is None):
        return f"; {path.name}: {str(error).removeprefix(f'{path}: ')}"
    return ""


def _unscored(
    recording: Recording,
    paths: Sequence[Path],
    programs: Sequence[Path],
    reason: str,
) -> Scores | None:
    """Return scores without stages, with a warning about the files that are there."""
    warnings = []
    if paths:
        warnings.append(f"unscored: no stages in {_names(paths)}{reason}")
    if programs:
        warnings.append(f"unscored: a program scored it, and no person: {_names(programs)}")
    texts = {note.text for note in recording.annotations() if is_stage_text(note.text)}
    if texts:
        shown = ", ".join(quoted(text) for text in sorted(texts)[:5])
        warnings.append(f"unscored: its annotations {shown} are notes, and not stages of a night")
    count = max(1, int(recording.duration_s // EPOCH_S))
    return Scores(0.0, (None,) * count, warnings=tuple(warnings)) if warnings else None


def _with_notes(
    scores: Scores,
    signal: Path,
    used: Sequence[Path],
    paths: Sequence[Path],
    failures: Sequence[tuple[Path, InputError]],
) -> Scores:
    failed = [path for path, _ in failures]
    unread = [path for path in paths if path not in (*used, *failed) and is_likely(signal, path)]
    notes = []
    if unread:
        notes.append(
            f"stages were read from {_names(used) or 'its annotations'}, not from {_names(unread)}"
        )
    warnings = tuple(f"{path.name} was not read: {error}" for path, error in failures)
    return replace(scores, notes=scores.notes + tuple(notes), warnings=scores.warnings + warnings)


def _names(paths: Sequence[Path]) -> str:
    shown = ", ".join(path.name for path in paths[:5])
    return shown + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _groups(paths: Sequence[Path]) -> Iterator[list[Path]]:
    """Yield the files one by one, those of several scorers of one night together."""
    groups: dict[tuple[str, str], list[Path]] = {}
    for path in paths:
        name = _SCORER.sub("", path.stem)
        key = (name if name != path.stem else path.stem + "/", path.suffix.lower())
        groups.setdefault(key, []).append(path)
    yield from groups.values()


def _scorer_of(sheets: Sequence[Sheet], scorer: str | None) -> str | None:
    """Return the name by which `place` knows a scorer who has a file of his or her own."""
    if scorer in (None, CONSENSUS):
        return scorer
    for sheet in sheets:
        match = _SCORER.search(sheet.path.stem)
        names = {sheet.path.stem, sheet.path.name, *(match.groups()[:3] if match else ())}
        if scorer in names and scorer not in sheet.marks and len(sheet.marks) == 1:
            return sheet.path.stem if len(sheets) > 1 else next(iter(sheet.marks)) or None
    return scorer
