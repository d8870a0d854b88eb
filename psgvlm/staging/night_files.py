"""A staged night as files: for people, for EDFbrowser and MNE, for BIDS, and to be read back.

No file holds a date or anything else of the recording's header but its labels, its length and the
time of day that it began at.
"""

import csv
import datetime
import io
import json
import os
import shutil
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.models.calibration import Review
from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging import sleep_statistics
from psgvlm.staging.lights import Lights
from psgvlm.staging.stager import StagedNight

RESULT = "hypnogram.json"  # written last: where it is, the others are
FILES = (
    *("hypnogram.csv", "hypnogram.edf", "events.tsv", "events.json", "statistics.json"),
    *("night.png", "report.html", RESULT),
)


def write(folder: str | Path, night: StagedNight, lights: Lights, review_under: float) -> None:
    """Write all of `FILES` into a folder, which is made.

    `review_under` is the calibrated probability under which an epoch is to be looked at. Files of
    the same names are replaced once all new ones are whole.
    """
    from psgvlm.staging import night_picture, night_report

    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    new = folder / ".writing"
    shutil.rmtree(new, ignore_errors=True)  # of a run that was killed
    new.mkdir()
    try:
        (new / "hypnogram.csv").write_text(csv_text(night), "utf-8")
        write_edf(new / "hypnogram.edf", night, lights)
        events, columns = bids(night)
        (new / "events.tsv").write_text(events, "utf-8")
        (new / "events.json").write_text(columns, "utf-8")
        statistics = statistics_of(night, lights)
        (new / "statistics.json").write_text(_indented(statistics), "utf-8")
        night_picture.draw(new / "night.png", night, lights, review_under)
        page = night_report.html(night, lights, statistics, review_under, new)
        (new / "report.html").write_text(page, "utf-8")
        (new / RESULT).write_text(json_text(night, lights, review_under), "utf-8")
        for name in FILES:
            os.replace(new / name, folder / name)
    finally:
        shutil.rmtree(new)


def whole(folder: str | Path) -> bool:
    """Whether a folder has all of `FILES`."""
    return all((Path(folder) / name).is_file() for name in FILES)


def csv_text(night: StagedNight) -> str:
    """`epoch,onset_s,stage,p_W,p_N1,p_N2,p_N3,p_R`: calibrated probabilities, an epoch a line."""
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["epoch", "onset_s", "stage", *(f"p_{stage}" for stage in STAGES)])
    rows = zip(night.epochs, night.stages, night.probabilities, strict=True)
    for number, stage, p in rows:
        out.writerow([number, f"{EPOCH_S * number:g}", stage, *(f"{value:.6f}" for value in p)])
    return text.getvalue()


def write_edf(path: str | Path, night: StagedNight, lights: Lights) -> None:
    """EDF+ annotations as the AASM spells them, one an epoch; `Sleep stage ?` in gaps.

    They begin at the recording's time of day, on 1985-01-01: that is how EDF+ writes a date that is
    not to be told.
    """
    import edfio

    marks = [
        edfio.EdfAnnotation(EPOCH_S * number, EPOCH_S, f"Sleep stage {stage or '?'}")
        for number, stage in enumerate(night.on_grid())
    ]
    marks += [
        edfio.EdfAnnotation(lights.off_s, None, "Lights off"),
        edfio.EdfAnnotation(lights.on_s, None, "Lights on"),
    ]
    midnight = datetime.datetime(1985, 1, 1)
    start = (midnight + datetime.timedelta(seconds=(night.clock_s or 0) % 86400)).time()
    edfio.Edf([], annotations=marks, starttime=start).write(path)


def bids(night: StagedNight) -> tuple[str, str]:
    """`events.tsv` and `events.json` as BIDS has them: `n/a` for epochs in gaps."""
    text = io.StringIO()
    out = csv.writer(text, delimiter="\t", lineterminator="\n")
    out.writerow(["onset", "duration", "trial_type", "probability"])
    sure = dict(zip(night.epochs.tolist(), night.confidence, strict=True))
    for number, stage in enumerate(night.on_grid()):
        p = f"{sure[number]:.6f}" if number in sure else "n/a"
        out.writerow([f"{EPOCH_S * number:g}", f"{EPOCH_S:g}", stage or "n/a", p])
    columns = {
        "onset": {
            "Description": "Start of the epoch from the start of the recording",
            "Units": "s",
        },
        "duration": {"Description": "Length of the epoch", "Units": "s"},
        "trial_type": {
            "Description": "Sleep stage of the epoch, by a vision-language model",
            "Levels": {
                **{"W": "wake", "N1": "NREM 1", "N2": "NREM 2", "N3": "NREM 3", "R": "REM"},
                "n/a": "not staged: not recorded as a whole",
            },
        },
        "probability": {
            "Description": "Probability that the model gives the most probable stage"
            + ("" if night.temperature is None else ", calibrated"),
        },
    }
    return text.getvalue(), _indented(columns)


def statistics_of(night: StagedNight, lights: Lights) -> dict:
    """Sleep statistics from lights off to lights on, and when that was."""
    grid = night.on_grid()
    return {
        "lights_off": {"s": lights.off_s, "clock": night.clock(lights.off_s)},
        "lights_on": {"s": lights.on_s, "clock": night.clock(lights.on_s)},
        **sleep_statistics.everything([grid[i] for i in lights.epochs() if i < len(grid)]),
    }


def json_text(night: StagedNight, lights: Lights, review_under: float) -> str:
    """Everything of a staged night, a line each; `read` reads it back."""
    content = {
        "lights_off_s": lights.off_s,
        "lights_on_s": lights.on_s,
        "review_under": review_under,
        "stages": night.stages,
    }
    for field in fields(StagedNight):
        value = getattr(night, field.name)
        if isinstance(value, np.ndarray):
            value = value.tolist()
        elif field.name == "review":
            value = [asdict(point) for point in value]
        elif field.name == "spec":
            value = asdict(value)
        elif field.name == "corrections":
            value = {str(number): stage for number, stage in sorted(value.items())}
        content[field.name] = value
    return _json(content)


def read(path: str | Path) -> tuple[StagedNight, Lights, float]:
    """What `json_text` wrote: the night, its lights, and under what epochs were to be reviewed.

    Raises `InputError` where the file is missing or holds something else.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
        values = {field.name: content[field.name] for field in fields(StagedNight)}
        lights = Lights(float(content["lights_off_s"]), float(content["lights_on_s"]))
        under = float(content["review_under"])
        values |= {
            "epochs": np.array(values["epochs"], int),
            **{name: np.array(values[name], float) for name in ("raw", "probabilities", "lost_s")},
            "review": tuple(Review(**point) for point in values["review"]),
            "notes": tuple(values["notes"]),
            "spec": ImageSpec(**{k: _tuple(v) for k, v in values["spec"].items()}),
            "corrections": {int(n): stage for n, stage in values["corrections"].items()},
        }
        night = StagedNight(**values)
        shapes = [night.epochs.shape, night.raw.shape, night.probabilities.shape]
        count = len(night.epochs)
        if shapes != [(count,), (count, len(STAGES)), (count, len(STAGES))]:
            raise ValueError(f"arrays of shapes {shapes}")
        ascending = (np.diff(night.epochs, prepend=-1) > 0).all()
        if not ascending or count == 0 or night.epochs[-1] >= len(night.on_grid()):
            raise ValueError("epochs that do not ascend, or lie beyond the record")
        if night.lost_s.shape != (count, len(night.lanes)) or night.stages != content["stages"]:
            raise ValueError("lanes or stages that do not belong to its probabilities")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{path}: no staged night of this version of psgvlm ({type(error).__name__}); expected "
            "what stage.py wrote: choose another folder, or remove it"
        ) from error
    return night, lights, under


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


def _indented(content: dict) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _json(content: dict) -> str:
    """JSON with a line for each entry: long arrays take one."""
    lines = (f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
