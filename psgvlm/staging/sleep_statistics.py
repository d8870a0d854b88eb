"""The sleep statistics of one night, computed from its stages by yasa."""

import numpy as np

from psgvlm.stages import STAGES

UNITS = {
    **{"TST": "min", "SE": "%", "SOL": "min", "REM latency": "min", "WASO": "min"},
    **dict.fromkeys(STAGES, "min"),
}
_YASA = {stage: {"W": "WAKE", "R": "REM"}.get(stage, stage) for stage in STAGES}
# What `everything` tells of a night, yasa's definitions: unit, and what it is.
MEANINGS = {
    "TIB": ("min", "time in bed: lights off to lights on"),
    "SPT": ("min", "sleep period: first to last epoch of sleep"),
    "TST": ("min", "total sleep time"),
    "SE": ("%", "sleep efficiency: total sleep time of time in bed"),
    "SME": ("%", "sleep maintenance efficiency: total sleep time of the sleep period"),
    "SOL": ("min", "sleep onset latency: lights off to the first epoch of sleep"),
    "REM latency": ("min", "first epoch of sleep to the first of REM"),
    "WASO": ("min", "wake after sleep onset, within the sleep period"),
    "SFI": ("1/h", "sleep fragmentation index: awakenings an hour of sleep"),
    "UNS": ("min", "not staged: gaps of the recording"),
}


def of_night(stages: list[str | None]) -> dict[str, float]:
    """The statistics of `UNITS` of one night, from a stage for every 30 s, first to last.

    Total sleep time, sleep efficiency (of all the epochs given), latency of sleep (from the first
    epoch to the first of any sleep) and of REM (from there), wake after sleep onset, minutes of
    each stage. `None` is an unscored epoch, neither sleep nor wake. NaN is what a night without
    sleep, or without REM, does not have.
    """
    found = _by_yasa(_hypnogram(stages))
    return {name: found[name] for name in UNITS}


def everything(stages: list[str | None]) -> dict:
    """All that yasa says of a night, for a file: a stage for every 30 s from lights off to on.

    `statistics` are by name a `value` and its `unit`, `None` where the night has none (no REM);
    `stages` the minutes of each and its percentage of total sleep time; `transitions` how often
    each stage was followed by each, itself included.
    """
    night = _hypnogram(stages)
    found = {name: None if np.isnan(v) else v for name, v in _by_yasa(night).items()}
    names = [_YASA[stage] for stage in STAGES]
    counts = night.transition_matrix()[0].reindex(index=names, columns=names, fill_value=0)
    return {
        "statistics": {
            name: {"value": found.get(name, 0.0), "unit": unit, "means": means}
            for name, (unit, means) in MEANINGS.items()
        },
        "stages": {
            stage: {"minutes": found[stage], "percent_of_tst": found.get(f"%{_YASA[stage]}")}
            for stage in STAGES
        },
        "transitions": {
            stage: dict(zip(STAGES, map(int, counts.loc[_YASA[stage]]), strict=True))
            for stage in STAGES
        },
    }


def _hypnogram(stages: list[str | None]):
    # It takes more than a second to import.
    from yasa import Hypnogram

    return Hypnogram(["UNS" if stage is None else stage for stage in stages])


def _by_yasa(night) -> dict[str, float]:
    """yasa's statistics under its names, those of `UNITS` under ours."""
    found = {name: float(value) for name, value in night.sleep_statistics().items()}
    found |= {stage: found[name] for stage, name in _YASA.items()}
    return {**found, "REM latency": found["Lat_REM"] - found["SOL"]}
