"""Stage recordings with a trained adapter.

    stager = Stager("ADAPTER")
    night = stager.open("night.edf")  # finds lanes and epochs; night.notes says what is unusual
    staged = stager.stage(night, progress=True)

Memory grows by a few numbers an epoch, not with the recording.
"""

import hashlib
import json
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
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
from psgvlm.nights.neighbours import around
from psgvlm.nights.stretches import Stretches
from psgvlm.recordings import lanes as montage
from psgvlm.recordings.recording import Recording
from psgvlm.signals import traces
from psgvlm.stages import EPOCH_S
from psgvlm.staging.kept_probabilities import KeptProbabilities
from psgvlm.staging.staged_night import StagedNight
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
        lists = around(pictures, self.spec, neighbours, self.epochs[rows.start :].tolist())
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


class Stager:
    """A trained model that stages recordings.

    Parameters
    ----------
    model : str or path
        The adapter: a folder, or an id on the Hugging Face Hub.
    device : str, optional
        Such as `"cpu"` or `"cuda"`; by default a GPU if there is one.
    batch_size : int, default 32
        How many epochs the model sees at a time. It is halved if they do not fit into memory.

    Attributes
    ----------
    spec : ImageSpec
        How the model's images are drawn.
    neighbours : int
        How many adjacent epochs on either side the model is shown.
    temperature : float or None
        The temperature that calibrates the probabilities, or None if none was fitted.

    Raises
    ------
    InputError
        If the model's files are missing or damaged.

    Notes
    -----
    The weights are loaded when the first night is staged, so that a recording that cannot be
    staged is refused at once.
    """

    def __init__(self, model: str | Path, device: str | None = None, batch_size: int = 32):
        self.name, self.device, self.batch_size = str(model), device, batch_size
        self.spec = repo_files.load_image_spec(self.name, "model")
        self.neighbours = adapter_files.load_neighbours(self.name)
        self.temperature = calibration.load(self.name)
        self.review = tuple(calibration.load_review(self.name))
        self.fingerprint = adapter_files.model_fingerprint(self.name)

    @cached_property
    def model(self) -> vlm.StagingModel:
        """The model with its processor, loaded on first use."""
        return vlm.load(self.name, self.device)

    @cached_property
    def classifier(self):
        """The `StageClassifier` of the model; it is kept because it adapts its batch size."""
        from psgvlm.models.inference import StageClassifier

        return StageClassifier(self.model, self.batch_size)

    def open(self, recording, map: str = "") -> Night:
        """Open a recording and find its lanes and epochs, without staging it.

        Parameters
        ----------
        recording : path or mne.io.Raw
            EDF, EDF+, or what MNE reads.
        map : str, optional
            Unusual labels, such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`.

        Returns
        -------
        Night
            Its `sources` say which signal fills which lane, its `notes` what is unusual.

        Raises
        ------
        InputError
            If the recording cannot be staged.
        """
        return Night(recording, self.spec, map)

    def stage(
        self,
        night,
        progress: Callable[[int, int], None] | bool | None = None,
        keep: str | Path | None = None,
    ) -> StagedNight:
        """Stage a night.

        Parameters
        ----------
        night : Night, path or mne.io.Raw
            What `open` returned, or a recording.
        progress : callable or bool, optional
            True shows a progress bar. A function is called as `progress(epochs_done, epochs)`.
        keep : path, optional
            A file that keeps the probabilities as they come. If staging is interrupted, the next
            call with the same file continues where it stopped.

        Returns
        -------
        StagedNight

        Raises
        ------
        InputError
            If the recording or the model cannot be used.
        """
        if not isinstance(night, Night):
            night = self.open(night)
        if progress is True:
            _ = self.model  # transformers shows a bar of its own while it loads the weights
        bar = epoch_bar(night) if progress is True else nullcontext(progress or None)
        with bar as report:
            return self.to_staged_night(night, self._classify(night, report, keep))

    def _classify(self, night: Night, report, keep) -> np.ndarray:
        """Return the model's probabilities of each epoch, shape (n, 5)."""
        from psgvlm.models import inference

        total = len(night.epochs)
        kept = KeptProbabilities(Path(keep), self.key(night), self.batch_size) if keep else None
        rows = kept.rows[:total] if kept else []
        epochs = night.shown(self.neighbours, len(rows))
        if report:
            report(len(rows), total)
        try:
            for probabilities in self.classifier.probabilities(epochs):
                rows.append(probabilities)
                if kept:
                    kept.append(probabilities)
                if report:
                    report(len(rows), total)
        except inference.NotFinite as error:
            number = night.epochs[len(rows)] + 1
            raise InputError(f"{night.path}, epoch {number}: {error}") from error
        return np.array(rows)

    def to_staged_night(self, night: Night, raw_probabilities: np.ndarray) -> StagedNight:
        """Combine a night and the model's probabilities of its epochs, shape (n, 5).

        The probabilities are calibrated if the model has a temperature.
        """
        calibrated, notes = raw_probabilities, list(night.notes)
        if self.temperature is None:
            notes.append(
                "the model is not calibrated, so its probabilities may be too high; "
                "psgvlm eval can fit a temperature on validation nights"
            )
        else:
            calibrated = calibration.scale(raw_probabilities, self.temperature)
        return StagedNight(
            name=night.name,
            duration_s=night.recording.duration_s,
            clock_s=night.recording.clock_s,
            epochs=night.epochs,
            raw_probabilities=raw_probabilities,
            probabilities=calibrated,
            temperature=self.temperature,
            review=self.review,
            lanes=night.sources,
            lost_s=night.lost_s(),
            notes=tuple(notes),
            spec=self.spec,
            model=run_record.public_name(self.name),
            fingerprint=self.fingerprint,
            versions=package_versions(),
            key=self.key(night),
        )

    def key(self, night: Night) -> str:
        """Return a hash of what decides the probabilities: model, recording, lanes, program."""
        content = [psgvlm.__version__, self.fingerprint, night.name, night.sources]
        content += night.recording.content_key()
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


@contextmanager
def epoch_bar(night: Night) -> Iterator[Callable[[int, int], None]]:
    """Show a progress bar over a night's epochs; yield the function that moves it."""
    from tqdm import tqdm

    kept = None
    with tqdm(total=len(night.epochs), unit="epoch", desc=night.name) as bar:

        def move(done: int, _: int) -> None:
            nonlocal kept
            if kept is None:
                # Epochs kept from an interrupted run do not count towards the speed.
                kept = bar.initial = done
            bar.update(done - bar.n)

        yield move


def package_versions() -> dict[str, str]:
    """Return the versions of this library, of Python, and of the packages the results depend on."""
    versions = {"psgvlm": psgvlm.__version__, "python": platform.python_version()}
    return versions | {name: version(name) for name in PACKAGES}
