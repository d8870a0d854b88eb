"""One's own night staged: a recording opened, its lanes found, drawn, scored, without any printing.

    stager = Stager("ADAPTER")
    night = stager.open("night.edf")  # lanes, epochs and what is odd, before anything is scored
    staged = stager.stage(night, progress=lambda done, epochs: ...)

What comes out is one value, `StagedNight`, that `psgvlm.staging.night_files` writes. Memory does
not grow
with the length of the recording, but for a few numbers an epoch.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from importlib.metadata import version
from itertools import islice
from pathlib import Path

import numpy as np

import psgvlm
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.models import adapter_files, calibration, vlm
from psgvlm.models.calibration import Review
from psgvlm.nights.stretches import Stretches
from psgvlm.recordings import lanes as montage
from psgvlm.recordings.recording import Recording
from psgvlm.signals import traces
from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.training import run_record

LEAST_HZ = 32  # of an EEG: spindles go up to 16 Hz
PACKAGES = ("torch", "transformers", "numpy")


class Night:
    """A recording that can be staged: which label became which lane, which epochs it has.

    Epochs lie on the record's own grid of 30 s from its first sample. Those that are not recorded
    as a whole, within or across a gap (EDF+D), are left out. `map` names unusual labels, such as
    `"chin=EMG1 - EMG2"`. `notes` say what is odd. Raises `InputError` where it cannot be staged.
    """

    def __init__(self, path: str | Path, spec: ImageSpec, map: str = ""):
        self.path, self.spec = Path(path), spec
        self.recording = recording = Recording(path, gaps=True)
        aliases = montage.parse_map(map, recording.labels)
        self.lanes = montage.find_lanes(recording.labels, spec.montage, aliases)
        montage.require_eeg(self.lanes, recording)
        count = int((recording.duration_s + 1e-3) // EPOCH_S)
        stored_s = [recording.stored_s(EPOCH_S * number, EPOCH_S) for number in range(count)]
        self.epochs = np.array([i for i, at in enumerate(stored_s) if at is not None], int)
        if not len(self.epochs):
            gaps = ", with gaps" if len(recording.segments) > 1 else ""
            raise InputError(
                f"{path}: {recording.duration_s:g} s long{gaps}; expected at least one 30-s epoch"
            )
        self._starts_s = [stored_s[number] for number in self.epochs]
        self._check_rates()
        self._stretches = Stretches(recording, self.lanes, spec)
        if fault := traces.implausible(recording, self.lanes):
            raise InputError(f"{path}: {fault}")
        self.notes = tuple(self._notes(count))

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name

    @property
    def onsets_s(self) -> np.ndarray:
        """Where the epochs begin, in seconds of the record, shape (n,)."""
        return EPOCH_S * self.epochs

    @property
    def sources(self) -> dict[str, str | None]:
        """The derivation that fills each lane; `None` where there is none."""
        pairs = zip(self.lanes.lanes, self.lanes.sources, strict=True)
        return {lane.name: source and str(source) for lane, source in pairs}

    def pictures(self, which: Sequence[int] | None = None) -> Iterator:
        """The epochs as the model sees them: RGB PIL images; all, or of these rows of `epochs`."""
        from PIL import Image

        starts_s = self._starts_s if which is None else [self._starts_s[row] for row in which]
        for image in self._stretches.draw(starts_s):
            yield Image.fromarray(raster.to_rgb(image, self.spec))

    def shown(self, neighbours: int, first: int = 0, stop: int | None = None) -> Iterator[list]:
        """The pictures of each epoch with those of its neighbours on either side, as lists.

        From row `first` of `epochs` to before row `stop`.
        """
        stop = len(self.epochs) if stop is None else stop
        begin = max(0, first - neighbours)
        rows = range(begin, min(stop + neighbours, len(self.epochs)))
        pictures = self.pictures(rows)
        lists = neighbours.around(
            pictures, self.spec, neighbours, self.epochs[rows.start :].tolist()
        )
        return islice(lists, first - begin, stop - begin)

    def lost_s(self) -> np.ndarray:
        """For how much of each epoch a lane shows nothing, in s, shape (n, lanes).

        It stands still, or lies at the limits of the file; or the recording does not have it.
        """
        return self._stretches.lost_s(self._starts_s)

    def _check_rates(self) -> None:
        for lane, source in zip(self.lanes.lanes, self.lanes.sources, strict=True):
            rate_hz = self.recording.channel(source.plus).rate_hz if source else LEAST_HZ
            if lane.modality == "EEG" and rate_hz < LEAST_HZ:
                raise InputError(
                    f"{self.path}: lane {lane.name} ({source}) is at {rate_hz:g} Hz; expected an "
                    f"EEG at {LEAST_HZ} Hz or more, which spindles need"
                )

    def _notes(self, count: int) -> Iterator[str]:
        recording = self.recording
        yield from recording.notes
        if self.lanes.missing:
            yield f"no {', '.join(self.lanes.missing)}: drawn as empty"
        sources = [label for s in self.lanes.filled for label in (s.plus, s.minus) if label]
        if bare := [name for name in dict.fromkeys(sources) if not recording.channel(name).unit]:
            yield f"no unit for {', '.join(bare)}: taken as uV"
        if gaps := len(recording.segments) - 1:
            yield (
                f"{gaps} gap{'s' * (gaps > 1)} in the recording: {count - len(self.epochs)} epochs "
                "that are not recorded as a whole are not staged"
            )
        if (rest_s := recording.duration_s - EPOCH_S * count) >= 1:
            yield f"the last {rest_s:.0f} s are no whole epoch and not staged"


@dataclass(frozen=True)
class StagedNight:
    """What became of a night, all that files and pictures need. Arrays have a row an epoch.

    `epochs` are their numbers on the record's grid of 30 s, so that gaps stay gaps. `raw` are the
    model's probabilities of W, N1, N2, N3, R, shape (n, 5), `probabilities` the same at
    `temperature` (`None`: none was fitted, and they are the same). `lost_s`, shape (n, lanes), is
    for how long each lane shows nothing. `clock_s` is the time of day of the first sample in
    seconds after midnight, where the file tells. `corrections` are stages by a person, by number
    of epoch. `key` says which model staged which file from which lanes.
    """

    name: str
    duration_s: float
    clock_s: int | None
    epochs: np.ndarray
    raw: np.ndarray
    probabilities: np.ndarray
    temperature: float | None
    review: tuple[Review, ...]
    lanes: Mapping[str, str | None]
    lost_s: np.ndarray
    notes: tuple[str, ...]
    spec: ImageSpec
    model: str
    fingerprint: str
    versions: Mapping[str, str]
    key: str
    corrections: Mapping[int, str] = field(default_factory=dict)

    @property
    def onsets_s(self) -> np.ndarray:
        """Where the epochs begin, in seconds of the record, shape (n,)."""
        return EPOCH_S * self.epochs

    @property
    def stages(self) -> list[str]:
        """Each epoch's stage: a person's where there is one, else the most probable."""
        answers = [STAGES[index] for index in self.probabilities.argmax(axis=1)]
        return [
            self.corrections.get(int(n), stage)
            for n, stage in zip(self.epochs, answers, strict=True)
        ]

    @property
    def confidence(self) -> np.ndarray:
        """The calibrated probability of the most probable stage, shape (n,)."""
        return self.probabilities.max(axis=1)

    def corrected(self, epoch: int, stage: str) -> "StagedNight":
        """The same night with a person's stage for the epoch of this number."""
        if stage not in STAGES or epoch not in self.epochs:
            raise InputError(
                f"{self.name}: epoch {epoch} as {stage!r}; expected an epoch that was staged, and "
                f"one of {', '.join(STAGES)}"
            )
        return replace(self, corrections={**self.corrections, int(epoch): stage})

    def on_grid(self) -> list[str | None]:
        """A stage for every 30 s of the record, `None` where it has a gap."""
        stages: list[str | None] = [None] * int((self.duration_s + 1e-3) // EPOCH_S)
        for number, stage in zip(self.epochs, self.stages, strict=True):
            stages[number] = stage
        return stages

    def worth(self, under: float) -> tuple[Review, Review] | None:
        """Agreement on the validation nights before and after epochs less sure were reviewed.

        The measured threshold next below `under` is taken; `None` where none was measured.
        """
        points = [point for point in self.review if point.under <= under]
        return (points[0], points[-1]) if points else None

    def unsure(self, under: float) -> np.ndarray:
        """Rows of the epochs less sure than that and not corrected, the least sure first."""
        open_ = [int(n) not in self.corrections for n in self.epochs]
        rows = np.flatnonzero((self.confidence < under) & open_)
        return rows[np.argsort(self.confidence[rows], kind="stable")]

    def clock(self, onset_s: float) -> str | None:
        """A time of the record as a time of day, `None` where the file does not tell."""
        if self.clock_s is None:
            return None
        minutes, seconds = divmod(int(self.clock_s + onset_s) % 86400, 60)
        return f"{minutes // 60:02}:{minutes % 60:02}:{seconds:02}"


class Stager:
    """An adapter, a folder or a Hub id, that stages nights; its weights are loaded when needed."""

    def __init__(self, name: str, device: str | None = None, batch_size: int = 32):
        self.name, self.device, self.batch_size = name, device, batch_size
        self.spec = repo_files.load_image_spec(name, "model")
        self.neighbours = adapter_files.load_neighbours(name)
        self.temperature = calibration.load(name)
        self.review = tuple(calibration.load_review(name))
        self.fingerprint = adapter_files.model_fingerprint(name)

    @cached_property
    def model(self) -> vlm.StagingModel:
        return vlm.load(self.name, self.device)

    @cached_property
    def scorer(self):
        """A `StageClassifier`, which keeps what it learns about the model."""
        from psgvlm.models.inference import StageClassifier

        return StageClassifier(self.model, self.batch_size)

    def open(self, path: str | Path, map: str = "") -> Night:
        """A night that this adapter can stage; raises `InputError` where it cannot."""
        return Night(path, self.spec, map)

    def key(self, night: Night) -> str:
        """What decides a night's probabilities, as a hash: model, file, lanes, this program."""
        about = [psgvlm.__version__, self.fingerprint, night.name, night.sources]
        about += night.recording.content_key()
        return hashlib.sha256(json.dumps(about).encode()).hexdigest()[:32]

    def stage(
        self,
        night: Night,
        progress: Callable[[int, int], None] | None = None,
        keep: Path | None = None,
    ) -> StagedNight:
        """Draw and score a night.

        `progress(done, epochs)` is called as epochs are done. Probabilities are kept in the file
        `keep` as they come, so that a night that was interrupted goes on where it was.
        """
        from psgvlm.models import inference

        total = len(night.epochs)
        kept = _Kept(keep, self.key(night), self.batch_size) if keep else None
        rows = kept.rows[:total] if kept else []
        epochs = night.shown(self.neighbours, len(rows))
        if progress:
            progress(len(rows), total)
        try:
            for p in self.scorer.probabilities(epochs):
                rows.append(p)
                if kept:
                    kept.append(p)
                if progress:
                    progress(len(rows), total)
        except inference.NotFinite as error:
            raise InputError(f"{night.path}, epoch {night.epochs[len(rows)]}: {error}") from error
        return self.staged(night, np.array(rows))

    def staged(self, night: Night, raw: np.ndarray) -> StagedNight:
        """What a night's probabilities, of shape (n, 5), say: calibrated where they can be."""
        honest = raw if self.temperature is None else calibration.scale(raw, self.temperature)
        notes = list(night.notes)
        if self.temperature is None:
            notes.append(
                "the model is not calibrated, so its probabilities may be too high: "
                "eval.py --calibrate writes a temperature beside it"
            )
        return StagedNight(
            name=night.name,
            duration_s=night.recording.duration_s,
            clock_s=night.recording.clock_s,
            epochs=night.epochs,
            raw=raw,
            probabilities=honest,
            temperature=self.temperature,
            review=self.review,
            lanes=night.sources,
            lost_s=night.lost_s(),
            notes=tuple(notes),
            spec=self.spec,
            model=run_record.public(self.name),
            fingerprint=self.fingerprint,
            versions=versions(),
            key=self.key(night),
        )


def versions() -> dict[str, str]:
    """What staged a night: this library's version, and those of what it stands on."""
    found = {"psgvlm": psgvlm.__version__, "python": platform.python_version()}
    return found | {name: version(name) for name in PACKAGES}


class _Kept:
    """Probabilities in a file as they come: a line that says whose they are, then float64 rows."""

    def __init__(self, path: Path, key: str, batch_size: int):
        self.path, head = path, f"{key}\n".encode()
        content = path.read_bytes() if path.is_file() else b""
        size = 8 * len(STAGES)
        # Whole batches only, so that the batches to come are those of an undisturbed run.
        count = (len(content) - len(head)) // size // batch_size * batch_size
        if not content.startswith(head) or count < 0:
            count = 0
        whole = head + content[len(head) :][: count * size]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(whole)
        self.rows = list(np.frombuffer(whole[len(head) :]).reshape(-1, len(STAGES)))

    def append(self, p: np.ndarray) -> None:
        with self.path.open("ab") as file:
            file.write(np.asarray(p, float).tobytes())
