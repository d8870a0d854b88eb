"""How contenders bear damage: the same nights, their raw signals damaged more and more."""

import hashlib
from dataclasses import replace

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation import contenders
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.signals.damage import DAMAGES, Damage, DamagedRecording

USUAL = ("lost", "white", "emg", "mains_50", "weak")
Points = list[tuple[float, float | None]]


def points(words: list[str]) -> dict[str, Points]:
    """Shares and levels by kind, from words as `white` or `lost=0.3,0.7`; `USUAL` without words.

    The numbers are levels, over the whole night, for a kind that has them, else shares; without
    numbers the whole `grid` of the kind. The first point is always the undamaged night.
    """
    found: dict[str, Points] = {}
    for word in words or USUAL:
        kind, _, numbers = word.partition("=")
        if kind not in DAMAGES:
            raise InputError(f"--damage {word}: expected one of {', '.join(DAMAGES)}")
        damage, grid = DAMAGES[kind], list(DAMAGES[kind].grid)
        if numbers:
            values = [_number(word, number, damage) for number in numbers.split(",")]
            chosen = [(1.0, value) if damage.levels else (value, None) for value in values]
            grid = list(dict.fromkeys([grid[0], *chosen]))
        found[kind] = grid
    return found


def _number(word: str, text: str, damage: Damage) -> float:
    """A level of a damage, or a share where it has no levels."""
    try:
        value = float(text)
    except ValueError:
        value = np.nan
    if damage.allows(value) if damage.levels else 0 <= value <= 1:
        return value
    expected = ", ".join(f"{x:g}" for x in damage.levels) if damage.levels else "0 to 1"
    raise InputError(f"--damage {word}: {text} {damage.unit}; expected such as {expected}")


def damaged(night: CorpusNight, kind: str, share: float, level: float | None) -> CorpusNight:
    """The night with its recording damaged, by a seed made from the night's name."""
    seed = int.from_bytes(hashlib.sha256(night.name.encode()).digest()[:4])
    signal = night.require_signal()
    recording = DamagedRecording(signal.recording, kind, share, level, seed)
    return replace(night, signal=signal.on(recording))


def severity(kind: str, share: float, level: float | None) -> str:
    """As a person reads it: `10 dB SNR`, `70 %`, `none`."""
    first = DAMAGES[kind].grid[0]
    if (share, level) == first:
        return "none"
    return f"{share:.0%}".replace("%", " %") if level is None else f"{level:g} {DAMAGES[kind].unit}"


def stage(staging: list, nights: list[CorpusNight], kinds: dict[str, Points], frame, answers=None):
    """Every contender's answers to the damaged nights, as one table of predictions.

    `nights` have their recordings open, `frame` is the table of the undamaged nights, `answers` is
    that of `contenders.stage`. More columns than in `frame`: `damage`, `share`, `level`,
    `severity`.
    """
    import pandas as pd

    tables = []
    for kind, grid in kinds.items():
        for share, level in grid:
            label = severity(kind, share, level)
            for contender in staging:
                if label == "none":
                    table = frame[frame["model"] == contender.name]
                else:
                    hurt = [damaged(night, kind, share, level) for night in nights]
                    what = f"{contender.name}, {kind} {label}"
                    table, _ = contenders.stage(contender, hurt, what, answers)
                where = {"damage": kind, "share": share, "severity": label}
                tables.append(table.assign(**where, level=np.nan if level is None else level))
    return pd.concat(tables, ignore_index=True)
