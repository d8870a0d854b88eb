"""Stage recordings with a trained adapter.

    stager = Stager("ADAPTER")
    night = stager.open("night.edf")  # finds lanes and epochs; night.notes says what is unusual
    staged = stager.stage(night, progress=True)

Memory grows by a few numbers an epoch, not with the recording.
"""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import psgvlm
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.models import adapter_files, calibration, vlm
from psgvlm.nights.night import Night
from psgvlm.staging.kept_probabilities import KeptProbabilities
from psgvlm.staging.staged_night import StagedNight
from psgvlm.training import run_record

if TYPE_CHECKING:
    from mne.io import BaseRaw

    from psgvlm.models.inference import StageClassifier

Progress = Callable[[int, int], None]  # is called with the epochs done and all epochs
PACKAGES = ("torch", "transformers", "numpy")


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

    Examples
    --------
    >>> import psgvlm
    >>> stager = psgvlm.Stager("adapter")
    >>> night = stager.open("night.edf")
    >>> night.sources["E1"]
    'E1-M2'
    >>> staged = stager.stage(night)
    >>> len(staged.stages)
    5
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
    def classifier(self) -> "StageClassifier":
        """The `StageClassifier` of the model; it is kept because it adapts its batch size."""
        from psgvlm.models.inference import StageClassifier

        return StageClassifier(self.model, self.batch_size)

    def open(
        self, recording: "str | os.PathLike[str] | BaseRaw", map: str = "", *, strict: bool = False
    ) -> Night:
        """Open a recording and find its lanes and epochs, without staging it.

        Parameters
        ----------
        recording : path or mne.io.Raw
            EDF, EDF+, or what MNE reads.
        map : str, optional
            Unusual labels, such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`, or the path of a file with
            rules.
        strict : bool, default False
            Whether to refuse a recording if a substitute would fill a lane.

        Returns
        -------
        Night
            Its `sources` say which signal fills which lane, its `notes` what is unusual.

        Raises
        ------
        InputError
            If the recording cannot be staged.
        """
        return Night(recording, self.spec, map, strict=strict)

    def stage(
        self,
        night: "Night | str | os.PathLike[str] | BaseRaw",
        progress: Progress | bool | None = None,
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

    def _classify(
        self, night: Night, report: Progress | None, keep: str | Path | None
    ) -> np.ndarray:
        """Return the model's probabilities of each epoch, shape (n, 5)."""
        from psgvlm.models import inference

        total = len(night.epochs)
        kept = KeptProbabilities(Path(keep), self.key(night), self.batch_size) if keep else None
        rows = kept.rows[:total] if kept else []
        epochs = night.pictures_with_neighbours(self.neighbours, len(rows))
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
        about_model = [psgvlm.__version__, self.fingerprint, night.name, night.sources]
        content = [*about_model, *night.recording.content_key()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:32]


@contextmanager
def epoch_bar(night: Night) -> Iterator[Progress]:
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
