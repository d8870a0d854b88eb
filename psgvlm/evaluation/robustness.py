"""Stage the same nights with more and more damage on their raw signals."""

import hashlib
from dataclasses import replace

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation import contenders
from psgvlm.evaluation.answers import AnswerStore
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.signals.damage import DAMAGES, Damage
from psgvlm.signals.damaged_recording import DamagedRecording

DEFAULT_KINDS = ("lost", "white", "emg", "mains_50", "weak")
Grid = list[tuple[float, float | None]]  # share of the night and level of each point of a curve


def parse_damage(words: list[str]) -> dict[str, Grid]:
    """Read kinds of damage from words such as `white` or `lost=0.3,0.7`.

    Parameters
    ----------
    words : list of str
        A kind, with or without numbers. Numbers are levels over the whole night for a kind that has
        levels, and shares of the night for any other kind. A kind without numbers gets its whole
        grid. Without words, `DEFAULT_KINDS` are used.

    Returns
    -------
    dict of str to list of (share, level)
        The points of each curve by kind. The first point is always the undamaged night.

    Raises
    ------
    InputError
        If a kind or a number is not known.
    """
    grids: dict[str, Grid] = {}
    for word in words or DEFAULT_KINDS:
        kind, _, numbers = word.partition("=")
        if kind not in DAMAGES:
            raise InputError(f"{word}: no such damage; expected {', '.join(DAMAGES)}", "damage")
        damage, grid = DAMAGES[kind], list(DAMAGES[kind].grid)
        if numbers:
            values = [_parse_number(word, number, damage) for number in numbers.split(",")]
            points = [(1.0, value) if damage.levels else (value, None) for value in values]
            grid = list(dict.fromkeys([grid[0], *points]))
        grids[kind] = grid
    return grids


def _parse_number(word: str, text: str, damage: Damage) -> float:
    """Read a level of a damage, or a share of the night if the damage has no levels."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if damage.allows(value) if damage.levels else 0 <= value <= 1:
        return value
    expected = ", ".join(f"{x:g}" for x in damage.levels) if damage.levels else "0 to 1"
    raise InputError(f"{word}: {text} {damage.unit}; expected such as {expected}", "damage")


def damage_night(night: CorpusNight, kind: str, share: float, level: float | None) -> CorpusNight:
    """Return the night with its recording damaged; the seed is made from the night's name."""
    seed = int.from_bytes(hashlib.sha256(night.name.encode()).digest()[:4])
    signal = night.require_signal()
    recording = DamagedRecording(signal.recording, kind, share, level, seed)
    return replace(night, signal=signal.on(recording))


def severity_text(kind: str, share: float, level: float | None) -> str:
    """Return a severity as a person reads it: `10 dB SNR`, `70 %`, `none`."""
    if (share, level) == DAMAGES[kind].grid[0]:
        return "none"
    return f"{share:.0%}".replace("%", " %") if level is None else f"{level:g} {DAMAGES[kind].unit}"


def stage_damaged(
    staging: list,
    nights: list[CorpusNight],
    grids: dict[str, Grid],
    frame,
    answers: AnswerStore | None = None,
):
    """Stage every damaged version of the nights with every contender.

    Parameters
    ----------
    staging : list
        The contenders.
    nights : list of CorpusNight
        The undamaged nights, with their recordings open.
    grids : dict
        The points of each curve, as `parse_damage` returns them.
    frame : pandas.DataFrame
        The contenders' table of predictions of the undamaged nights.
    answers : AnswerStore, optional
        Where answers are kept.

    Returns
    -------
    pandas.DataFrame
        A table of predictions with four more columns: `damage`, `share`, `level`, `severity`.
    """
    tables = []
    for kind, grid in grids.items():
        for share, level in grid:
            severity = severity_text(kind, share, level)
            for contender in staging:
                if severity == "none":
                    table = frame[frame["model"] == contender.name]
                else:
                    worse = [damage_night(night, kind, share, level) for night in nights]
                    question = f"{contender.name}, {kind} {severity}"
                    table, _ = contenders.stage_nights(contender, worse, question, answers)
                point = {"damage": kind, "share": share, "severity": severity}
                tables.append(table.assign(**point, level=np.nan if level is None else level))
    return contenders.concatenate(tables)
