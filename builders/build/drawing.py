"""Drawing one recording into a part: the work of a worker process."""

import importlib
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from psgvlm.builders.build import parts
from psgvlm.builders.build.examine import Choices, ExaminedNight, examine
from psgvlm.builders.build.parts import Result
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.chat import findings
from psgvlm.corpus import manifest
from psgvlm.corpus.manifest import BUILT, FAILED, RAW, SKIPPED
from psgvlm.errors import InputError, with_option
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.images.pixels import pixel_hash
from psgvlm.signals import waves


@dataclass(frozen=True)
class Task:
    """A recording to draw, in a form that can be sent to a worker.

    Parameters
    ----------
    reader : str
        The full name of the reader module.
    night : FoundNight
        The files of the recording.
    spec : ImageSpec
        How to draw it.
    choices : Choices
        What else the user decides.
    key : str
        The key of the part.
    part : Path
        The part to write.
    """

    reader: str
    night: FoundNight
    spec: ImageSpec
    choices: Choices
    key: str
    part: Path


class FolderNotShared(InputError):
    """A worker, perhaps on another machine, does not see a folder that it needs."""


def work(task: Task) -> Result:
    """Draw a recording into its part. If it has to be skipped, the part says why.

    Raise `parts.Unwritable`, `FolderNotShared`, or `InputError` if yasa is needed and missing: none
    of these is a fault of the recording.
    """
    raw = task.choices.raw or task.night.signal.parent
    for folder in (raw, task.part.parent):
        if not folder.is_dir():
            raise FolderNotShared(
                f"{folder}: a worker does not see this folder; expected a disk that all share"
            )
    if task.choices.measured:
        waves.load_yasa()
    try:
        return draw_night(task)
    except (parts.Unwritable, FolderNotShared):
        raise
    except InputError as error:
        # A disk that could not be read for a moment is no property of the recording.
        lasting = not isinstance(error.__cause__, OSError)
        result = Result(SKIPPED, reason=_without_raw(with_option(error), raw), lasting=lasting)
        return parts.write(task.part, task.key, result) if lasting else result
    # A fault of the program must not stop the other recordings. The text of an exception may quote
    # a header that names a person, so that only its type and its place are kept.
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        reason = f"{RAW}/{task.night.signal.name}: unexpected {where}; please report it"
        return Result(FAILED, reason=reason, lasting=False)


def draw_night(task: Task) -> Result:
    """Draw the scored epochs of a night into a part, or all its epochs if nobody scored it.

    Raise `InputError` if the night cannot be used.
    """
    found, spec = task.night, task.spec
    reader = importlib.import_module(task.reader)
    examined = examine(reader, found, spec, task.choices)
    night, second, votes = examined.night, examined.scores.second, examined.scores.votes
    numbers = night.epochs.tolist()
    columns = {
        "stages": examined.stages,
        "second": [second[number] if second else None for number in numbers],
        "votes": [votes[number] if votes else None for number in numbers],
        "epochs": numbers,
        "onsets_s": night.onsets_s.tolist(),
    }
    if task.choices.measured:
        measured = findings.measure(night.traces(), spec, night.starts_s)
        columns["findings"] = [epoch.to_dict() for epoch in measured]
    shared = {
        "text": spec.prompt,
        "cohort": found.cohort,
        "subject": found.subject,
        "recording": found.recording,
        "lanes": list(night.lanes.filled_names),
    }
    said = {"notes": examined.notes, "warnings": examined.scores.warnings}
    said = {
        kind: [_without_raw(text, task.choices.raw) for text in texts]
        for kind, texts in said.items()
    }
    palette = raster.palette(spec)
    pictures = ((raster.to_png(image, spec), pixel_hash(image, palette)) for image in night.draw())
    return parts.write(
        task.part,
        task.key,
        Result(BUILT, **said),
        pictures,
        columns,
        shared,
        lambda: _manifest_columns(examined),
    )


def _without_raw(text: str, raw: Path | None) -> str:
    """Replace the path of the raw folder by a mark, since a folder can be named after a person."""
    return text.replace(f"{raw}/", f"{RAW}/") if raw else text


def _manifest_columns(examined: ExaminedNight) -> dict:
    """Return the columns of the manifest that only a drawn night can fill."""
    night = examined.night
    lanes = []
    for lane, source, note, quality in zip(
        night.lanes.lanes, night.lanes.sources, night.lanes.notes, night.quality(), strict=True
    ):
        if source:
            rate_hz = night.recording.channel(source.plus).rate_hz
            row = {"lane": lane.name, "source": str(source), "note": note, "rate_hz": rate_hz}
            lanes.append(row | asdict(quality))
    return {
        "duration_s": night.recording.duration_s,
        "lanes": lanes,
        "missing": list(night.lanes.missing_names),
        "kappa": examined.scores.kappa,
        **manifest.epochs_by_stage(examined.stages),
    }
