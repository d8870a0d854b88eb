"""The sleep statistics of one night, computed from its stages by yasa."""

import numpy as np

from psgvlm.stages import STAGES

# The main statistics and their units; the five stages stand for the minutes spent in them.
UNITS = {
    **{"TST": "min", "SE": "%", "SOL": "min", "REM latency": "min", "WASO": "min"},
    **dict.fromkeys(STAGES, "min"),
}
# The statistics that `full_statistics` returns, as yasa defines them: unit and meaning.
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
_YASA = {stage: {"W": "WAKE", "R": "REM"}.get(stage, stage) for stage in STAGES}


def main_statistics(stages: list[str | None]) -> dict[str, float]:
    """Return the statistics named in `UNITS` of one night.

    Parameters
    ----------
    stages : list of (str or None)
        A stage for every 30 s from first to last; None for an epoch that was not scored, which
        counts as neither sleep nor wake.

    Returns
    -------
    dict of str to float
        Total sleep time; sleep efficiency, relative to all epochs given; latency of sleep, from
        the first epoch to the first of any sleep; latency of REM from there; wake after sleep
        onset; minutes of each stage. A statistic that the night does not have, such as the latency
        of REM in a night without REM, is NaN.
    """
    by_name = _by_name(to_yasa(stages))
    return {name: by_name[name] for name in UNITS}


def full_statistics(stages: list[str | None]) -> dict:
    """Return all statistics that yasa computes of one night, ready for JSON.

    Parameters
    ----------
    stages : list of (str or None)
        A stage for every 30 s from lights off to lights on; None for an epoch that was not scored.

    Returns
    -------
    dict
        `"statistics"`: for each name of `MEANINGS` its value, unit and meaning, with None for a
        value that the night does not have. `"stages"`: minutes and percentage of total sleep time
        of each stage. `"transitions"`: how often each stage was followed by each, itself included.
    """
    night = to_yasa(stages)
    by_name = {name: None if np.isnan(v) else v for name, v in _by_name(night).items()}
    names = [_YASA[stage] for stage in STAGES]
    counts = night.transition_matrix()[0].reindex(index=names, columns=names, fill_value=0)
    return {
        "statistics": {
            name: {"value": by_name.get(name, 0.0), "unit": unit, "means": meaning}
            for name, (unit, meaning) in MEANINGS.items()
        },
        "stages": {
            stage: {"minutes": by_name[stage], "percent_of_tst": by_name.get(f"%{_YASA[stage]}")}
            for stage in STAGES
        },
        "transitions": {
            stage: dict(zip(STAGES, map(int, counts.loc[_YASA[stage]]), strict=True))
            for stage in STAGES
        },
    }


def to_yasa(stages: list[str | None], scorer: str | None = None):
    """Return stages, one for every 30 s, as a `yasa.Hypnogram`; None becomes UNS (unscored)."""
    # Importing yasa takes more than a second.
    from yasa import Hypnogram

    return Hypnogram(["UNS" if stage is None else stage for stage in stages], scorer=scorer)


def _by_name(night) -> dict[str, float]:
    """Return yasa's statistics under its names, and those of `UNITS` under ours."""
    values = {name: float(value) for name, value in night.sleep_statistics().items()}
    values |= {stage: values[name] for stage, name in _YASA.items()}
    return {**values, "REM latency": values["Lat_REM"] - values["SOL"]}
