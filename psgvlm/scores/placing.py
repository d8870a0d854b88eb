"""From sheets to scores: every scorer's marks on one grid of epochs of a recording."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.metrics.sleep_staging import figures
from psgvlm.recordings.recording import Recording
from psgvlm.scores import grid, timing
from psgvlm.scores.meanings import Reading, read_marks
from psgvlm.scores.scores import Scores, Stages, Votes
from psgvlm.scores.sheet import Mark, Sheet
from psgvlm.stages import EPOCH_S, STAGES

CONSENSUS = "consensus"
MANY_UNKNOWN = 0.05  # a greater share of epochs with unknown words is a warning
MOST_BEYOND = 0.5  # a greater share of staged seconds beyond the recording is another recording's


@dataclass(frozen=True)
class _Opinion:
    """What one scorer says: marks, what they mean, and when they hold."""

    scorer: str
    sheet: Sheet
    reading: Reading
    times: timing.Times


def place(
    sheets: Sheet | Sequence[Sheet],
    recording: Recording,
    *,
    codes: str | None = None,
    epoch_s: float | None = None,
    scorer: str | None = None,
) -> Scores:
    """Place what files of scores say on epochs of 30 s of their recording.

    Parameters
    ----------
    sheets : Sheet or sequence of Sheet
        One file, or several that each hold another scorer of the same night.
    recording : Recording
        The recording, for its length and its time of day.
    codes : str, optional
        What numbers mean: a key of `CODES`. Default: what the file says.
    epoch_s : float, optional
        The length of an epoch of the files, in seconds. Default: found from the file, or from the
        length of the recording.
    scorer : str, optional
        Whose stages to take: a scorer's name, or `"consensus"`: the stage of most scorers, at a tie
        that of the scorer who agrees best with the others. Default: the first person.

    Returns
    -------
    Scores
        `second` and `votes` are those of all people if there are several.

    Raises
    ------
    InputError
        If a file holds no stages, if it has numbers and nobody says what they mean, if only a
        program scored, if there is no such scorer, or if the stages do not fit the recording.
    """
    sheets = [sheets] if isinstance(sheets, Sheet) else list(sheets)
    opinions = [
        _opinion(name, sheet, marks, recording, codes, epoch_s)
        for name, sheet, marks in _chosen(sheets, scorer)
    ]
    onset_s = grid.find_onset(opinions[0].times.onsets_s)
    limited = [_within(opinion, recording, onset_s) for opinion in opinions]
    count = max(
        int(np.ceil((ends_s.max(initial=onset_s) - onset_s) / EPOCH_S - 1e-6))
        for _, ends_s in limited
    )
    placed = [
        grid.place(onsets_s, ends_s, opinion.reading.stages, onset_s, max(1, count))
        for opinion, (onsets_s, ends_s) in zip(opinions, limited, strict=True)
    ]
    stages = [each.stages for each in placed]
    notes, warnings = list(_notes(opinions, placed)), list(_warnings(opinions[0], stages[0]))
    for opinion in opinions:
        warnings += opinion.times.warnings
    first = stages[0]
    if scorer == CONSENSUS:
        first = consensus(stages)
    elif others := [name for name in _names(sheets) if name != opinions[0].scorer]:
        notes.append(f"stages are those of {opinions[0].scorer}, not of {', '.join(others)}")
    return Scores(
        onset_s,
        first,
        second=stages[1] if len(stages) > 1 else None,
        kappa=kappa(stages[0], stages[1]) if len(stages) > 1 else None,
        notes=tuple(dict.fromkeys(notes)),
        warnings=tuple(dict.fromkeys(warnings)),
        votes=votes(stages) if len(stages) > 1 else None,
        scorers=tuple(opinion.scorer for opinion in opinions if opinion.scorer),
    )


def consensus(stages: Sequence[Stages]) -> Stages:
    """Return the stage that most scorers gave each epoch.

    At a tie the scorer decides whose stages agree best with those of the others: of the stages
    that tie, the one of the most agreeing scorer who gave one of them (Guillot et al., 2020, doi
    10.1109/TNSRE.2020.3011181).

    Parameters
    ----------
    stages : sequence of tuple of str or None
        The stages of each scorer, all of the same length.
    """
    agreement = [
        sum(
            one == other
            for j in range(len(stages))
            if j != i
            for one, other in _both(mine, j, stages)
        )
        for i, mine in enumerate(stages)
    ]
    ranked = sorted(range(len(stages)), key=lambda i: -agreement[i])
    return tuple(_most(opinions, ranked) for opinions in zip(*stages, strict=True))


def votes(stages: Sequence[Stages]) -> Votes:
    """Return for each epoch the share of scorers for each stage, None if nobody staged it."""
    shares = []
    for opinions in zip(*stages, strict=True):
        count = Counter(stage for stage in opinions if stage)
        total = count.total()
        shares.append(tuple(count[stage] / total for stage in STAGES) if total else None)
    return tuple(shares)


def kappa(first: Stages, second: Stages) -> float | None:
    """Return Cohen's kappa over the epochs that both scored; None if these have one stage."""
    pairs = [(a, b) for a, b in zip(first, second, strict=True) if a and b]
    if len({stage for pair in pairs for stage in pair}) < 2:
        return None
    return float(figures.kappa(figures.confusion(*zip(*pairs, strict=True))))


def _both(mine: Stages, j: int, stages: Sequence[Stages]) -> Iterator[tuple[str, str]]:
    return ((a, b) for a, b in zip(mine, stages[j], strict=True) if a and b)


def _most(opinions: Sequence[str | None], ranked: Sequence[int]) -> str | None:
    count = Counter(stage for stage in opinions if stage)
    if not count:
        return None
    most = max(count.values())
    leading = {stage for stage, number in count.items() if number == most}
    return next(opinions[i] for i in ranked if opinions[i] in leading)


def _chosen(sheets: list[Sheet], scorer: str | None) -> list[tuple[str, Sheet, Sequence[Mark]]]:
    """Return the scorers to read, the one whose stages are taken first."""
    found = [(_name(name, sheet, sheets), sheet, marks) for name, sheet, marks in _scored(sheets)]
    paths = ", ".join(sheet.path.name for sheet in sheets)
    if not found:
        raise InputError(
            f"{sheets[0].path}: holds no sleep stages ({sheets[0].format}); expected a stage for "
            "each epoch"
        )
    names = _names(sheets)
    people = [one for one in found if one[0] not in one[1].algorithms]
    if scorer is not None and scorer != CONSENSUS:
        chosen = [one for one in found if one[0] == scorer]
        if not chosen:
            named = ", ".join(name for name in names if name) or "one without a name"
            raise InputError(
                f"{sheets[0].path}: no scorer {scorer!r} in {paths}; expected one of {named}",
                "scorer",
            )
        return chosen + [one for one in people if one[0] != scorer]
    if not people:
        raise InputError(
            f"{sheets[0].path}: scored by a program alone ({', '.join(names)}), not by a person; "
            "expected a person's stages, or the name of the program as the scorer",
            "scorer",
        )
    return people


def _scored(sheets: Iterable[Sheet]) -> Iterator[tuple[str, Sheet, Sequence[Mark]]]:
    for sheet in sheets:
        yield from ((name, sheet, marks) for name, marks in sheet.marks.items() if marks)


def _name(name: str, sheet: Sheet, sheets: Sequence[Sheet]) -> str:
    """Return the name of a scorer; of several files without names, that of the file."""
    return name or (sheet.path.stem if len(sheets) > 1 else "")


def _names(sheets: Sequence[Sheet]) -> list[str]:
    """Return the names of all people and programs that scored the night."""
    return [_name(name, sheet, sheets) for name, sheet, _ in _scored(sheets)]


def _opinion(
    scorer: str,
    sheet: Sheet,
    marks: Sequence[Mark],
    recording: Recording,
    codes: str | None,
    epoch_s: float | None,
) -> _Opinion:
    reading = read_marks(sheet, marks, codes)
    return _Opinion(scorer, sheet, reading, timing.times_of(sheet, marks, recording, epoch_s))


def _within(
    opinion: _Opinion, recording: Recording, onset_s: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return onsets and ends; refuse stages that lie for the most part outside the recording."""
    onsets_s, ends_s = opinion.times.onsets_s, opinion.times.ends_s
    total_s = recording.duration_s
    ends_s = np.where(np.isinf(ends_s), np.maximum(total_s, onsets_s), ends_s)
    staged = np.array([stage is not None for stage in opinion.reading.stages])
    lengths_s = np.clip(ends_s - onsets_s, 0, None)[staged]
    inside_s = np.clip(np.minimum(ends_s, total_s) - np.maximum(onsets_s, 0), 0, None)[staged]
    if lengths_s.sum() and inside_s.sum() < (1 - MOST_BEYOND) * lengths_s.sum():
        raise InputError(
            f"{opinion.sheet.path}: stages from {onsets_s.min():g} s to {ends_s.max():g} s of the "
            f"recording, which lasts {total_s:g} s: most lie outside it; expected the scores of "
            "this recording"
        )
    longest_s = max(total_s, timing.DAY_S) + timing.MAX_DURATION_S
    return onsets_s, np.minimum(ends_s, onset_s + longest_s)


def _notes(opinions: Sequence[_Opinion], placed: Sequence[grid.Placed]) -> Iterator[str]:
    for opinion, each in zip(opinions, placed, strict=True):
        yield from opinion.sheet.notes
        yield from opinion.times.notes
        reading = opinion.reading
        if reading.asleep:
            yield f"{_epochs(reading.asleep)} unscored: asleep, and the stage is not given"
        if reading.unknown and not _is_warning(opinion):
            yield f"unscored, because the word is no known stage: {_listed(reading.unknown)}"
        if each.n_mixed or each.n_undecided:
            yield (
                f"{_epochs(each.n_mixed + each.n_undecided)} shared by two stages: "
                f"{each.n_mixed} took the longer one, {each.n_undecided} are left unscored"
            )


def _warnings(opinion: _Opinion, stages: Stages) -> Iterator[str]:
    if _is_warning(opinion):
        yield (
            f"{opinion.sheet.path.name}: {opinion.reading.unknown.total()} of "
            f"{len(opinion.reading.stages)} marks are no known stage and left unscored: "
            f"{_listed(opinion.reading.unknown)}"
        )
    if not any(stages):
        yield f"{opinion.sheet.path.name}: no epoch has a stage"


def _is_warning(opinion: _Opinion) -> bool:
    """Return whether unknown words cover more than 5 % of what the scorer marked."""
    unknown = np.zeros(len(opinion.reading.stages), bool)
    unknown[list(opinion.reading.unknown_marks)] = True
    lengths_s = opinion.times.ends_s - opinion.times.onsets_s
    lengths_s = np.where(np.isfinite(lengths_s), np.clip(lengths_s, 0, None), EPOCH_S)
    return bool(lengths_s[unknown].sum() > MANY_UNKNOWN * lengths_s.sum()) or (
        bool(unknown.any()) and not any(opinion.reading.stages)
    )


def _listed(unknown: Counter) -> str:
    shown = [f"{word} ({count})" for word, count in unknown.most_common(5)]
    return ", ".join(shown) + (" ..." if len(unknown) > 5 else "")


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' * (count != 1)}"
