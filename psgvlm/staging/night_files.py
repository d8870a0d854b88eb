"""The files of a staged night: for people, for EDFbrowser and MNE, for BIDS, and to read back.

No file holds a date or anything else of the recording's header, except its labels, its length and
the time of day at which it began.
"""

import csv
import datetime
import io
import json
from contextlib import ExitStack
from dataclasses import asdict, fields
from pathlib import Path

import numpy as np

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.models.calibration import Review
from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging import sleep_statistics
from psgvlm.staging.lights import Lights
from psgvlm.staging.staged_night import StagedNight

RESULT = "hypnogram.json"  # written last: if it is there, so are the others
FILES = (
    *("hypnogram.csv", "hypnogram.edf", "events.tsv", "events.json", "statistics.json"),
    *("night.png", "report.html", RESULT),
)
FLOAT_ARRAYS = ("raw_probabilities", "probabilities", "lost_s")
JSON_NAMES = {"raw_probabilities": "raw"}  # attributes that have another name in the file


def write(folder: str | Path, night: StagedNight, lights: Lights, review_under: float) -> Path:
    """Write all of `FILES` into a folder and return it.

    Parameters
    ----------
    folder : path
        Made if it is missing. Files of these names in it are replaced once all new ones are whole.
    night : StagedNight
    lights : Lights
        The sleep statistics count from lights off to lights on.
    review_under : float
        An epoch is listed for review if the probability of its stage is lower.
    """
    contents = file_contents(night, lights, review_under)
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        # The last file to be opened is the first to be put in place, so RESULT comes last.
        for name in reversed(FILES):
            stack.enter_context(files.replacing(folder / name)).write_bytes(contents[name])
    return folder


def file_contents(night: StagedNight, lights: Lights, review_under: float) -> dict[str, bytes]:
    """Return the contents of `FILES` by name."""
    from psgvlm.staging import night_picture, night_report

    statistics = statistics_between(night, lights)
    events, columns = bids_events(night)
    picture = night_picture.png(night, lights, review_under)
    report = night_report.html(night, lights, statistics, review_under, picture)
    texts = {
        "hypnogram.csv": csv_text(night),
        "events.tsv": events,
        "events.json": columns,
        "statistics.json": _indented(statistics),
        "report.html": report,
        RESULT: json_text(night, lights, review_under),
    }
    contents = {name: text.encode("utf-8") for name, text in texts.items()}
    return {**contents, "hypnogram.edf": edf_bytes(night, lights), "night.png": picture}


def has_all_files(folder: str | Path) -> bool:
    """Return whether a folder holds all of `FILES`."""
    return all((Path(folder) / name).is_file() for name in FILES)


def csv_text(night: StagedNight) -> str:
    """Return CSV with a line for each epoch: index from 0, onset, stage, calibrated probabilities.

    The columns are `epoch,onset_s,stage,p_W,p_N1,p_N2,p_N3,p_R`.
    """
    text = io.StringIO()
    out = csv.writer(text, lineterminator="\n")
    out.writerow(["epoch", "onset_s", "stage", *(f"p_{stage}" for stage in STAGES)])
    rows = zip(night.epochs, night.stages, night.probabilities, strict=True)
    for index, stage, p in rows:
        out.writerow([index, f"{EPOCH_S * index:g}", stage, *(f"{value:.6f}" for value in p)])
    return text.getvalue()


def edf_bytes(night: StagedNight, lights: Lights) -> bytes:
    """Return an EDF+ file of annotations: the AASM stages, lights off and lights on.

    Gaps are annotated as `Sleep stage ?`. The file begins at the recording's time of day on
    1985-01-01, which is how EDF+ writes a date that is withheld.
    """
    import edfio

    annotations = [
        edfio.EdfAnnotation(EPOCH_S * index, EPOCH_S, f"Sleep stage {stage or '?'}")
        for index, stage in enumerate(night.stages_on_grid())
    ]
    annotations += [
        edfio.EdfAnnotation(lights.off_s, None, "Lights off"),
        edfio.EdfAnnotation(lights.on_s, None, "Lights on"),
    ]
    midnight = datetime.datetime(1985, 1, 1)
    start = (midnight + datetime.timedelta(seconds=(night.clock_s or 0) % 86400)).time()
    file = io.BytesIO()
    edfio.Edf([], annotations=annotations, starttime=start).write(file)
    return file.getvalue()


def bids_events(night: StagedNight) -> tuple[str, str]:
    """Return the texts of `events.tsv` and `events.json` of BIDS; epochs in gaps are `n/a`."""
    text = io.StringIO()
    out = csv.writer(text, delimiter="\t", lineterminator="\n")
    out.writerow(["onset", "duration", "trial_type", "probability"])
    confidence = dict(zip(night.epochs.tolist(), night.confidence, strict=True))
    for index, stage in enumerate(night.stages_on_grid()):
        p = f"{confidence[index]:.6f}" if index in confidence else "n/a"
        out.writerow([f"{EPOCH_S * index:g}", f"{EPOCH_S:g}", stage or "n/a", p])
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


def statistics_between(night: StagedNight, lights: Lights) -> dict:
    """Return the sleep statistics from lights off to lights on, and these two times."""
    grid = night.stages_on_grid()
    return {
        "lights_off": {"s": lights.off_s, "clock": night.time_of_day(lights.off_s)},
        "lights_on": {"s": lights.on_s, "clock": night.time_of_day(lights.on_s)},
        **sleep_statistics.full_statistics([grid[i] for i in lights.epochs() if i < len(grid)]),
    }


def json_text(night: StagedNight, lights: Lights, review_under: float) -> str:
    """Return a staged night as JSON with one line for each attribute; `read` reads it back."""
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
            value = {str(index): stage for index, stage in sorted(value.items())}
        content[JSON_NAMES.get(field.name, field.name)] = value
    return _json(content)


def read(path: str | Path) -> tuple[StagedNight, Lights, float]:
    """Read what `json_text` wrote: the night, its lights, and its threshold for review.

    Raises `InputError` if the file is missing or holds something else.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text("utf-8"))
        names = [field.name for field in fields(StagedNight)]
        values = {name: content[JSON_NAMES.get(name, name)] for name in names}
        lights = Lights(float(content["lights_off_s"]), float(content["lights_on_s"]))
        under = float(content["review_under"])
        values |= {
            "epochs": np.array(values["epochs"], int),
            **{name: np.array(values[name], float) for name in FLOAT_ARRAYS},
            "review": tuple(Review(**point) for point in values["review"]),
            "notes": tuple(values["notes"]),
            "spec": ImageSpec(**{k: _tuple(v) for k, v in values["spec"].items()}),
            "corrections": {int(index): stage for index, stage in values["corrections"].items()},
        }
        night = StagedNight(**values)
        shapes = [night.epochs.shape, night.raw_probabilities.shape, night.probabilities.shape]
        count = len(night.epochs)
        if shapes != [(count,), (count, len(STAGES)), (count, len(STAGES))]:
            raise ValueError(f"arrays of shapes {shapes}")
        ascending = (np.diff(night.epochs, prepend=-1) > 0).all()
        if not ascending or count == 0 or night.epochs[-1] >= len(night.stages_on_grid()):
            raise ValueError("epochs that do not ascend, or lie beyond the record")
        if night.lost_s.shape != (count, len(night.lanes)) or night.stages != content["stages"]:
            raise ValueError("lanes or stages that do not belong to its probabilities")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, IndexError) as error:
        raise InputError(
            f"{path}: not a staged night of this version of psgvlm ({type(error).__name__}); "
            "expected a file that psgvlm stage wrote: choose another folder, or remove the file"
        ) from error
    return night, lights, under


def _tuple(value):
    return tuple(value) if isinstance(value, list) else value


def _indented(content: dict) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _json(content: dict) -> str:
    """Return JSON with a line for each entry, so that long arrays take one line."""
    lines = (f"  {json.dumps(k)}: {json.dumps(v, ensure_ascii=False)}" for k, v in content.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
