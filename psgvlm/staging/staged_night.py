"""A staged night: every epoch's stage and probabilities, and what a person can do with them."""

import base64
import io
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.models.calibration import Review
from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging import hypnogram

if TYPE_CHECKING:
    import pandas as pd
    import yasa
    from matplotlib.figure import Figure

REVIEW_UNDER = 0.6  # by default an epoch whose stage is less probable is listed for review


@dataclass(frozen=True, eq=False, repr=False)
class StagedNight:
    """A night as a model staged it, with the stages that a person corrected.

    `Stager.stage` makes it. The attributes whose shape starts with n have one row for each epoch
    that was staged.

    Attributes
    ----------
    name : str
        The name of the recording's file.
    duration_s : float
        The length of the recording in seconds, gaps included.
    clock_s : int or None
        The time of day of the first sample in seconds after midnight, if the file says it.
    epochs : ndarray of int, shape (n,)
        The indices of the epochs on the record's grid of 30 s, **from 0**. Epochs in a gap are left
        out. Files, page and `to_frame` number the epochs from 1 for people.
    raw_probabilities : ndarray, shape (n, 5)
        The model's probabilities of W, N1, N2, N3 and R.
    probabilities : ndarray, shape (n, 5)
        The same, calibrated by the model's temperature if it has one.
    temperature : float or None
        The temperature that calibrates the probabilities, or None if none was fitted.
    review : tuple of Review
        The agreement with a scorer, measured on validation nights, when the least probable epochs
        are reviewed.
    lanes : mapping of str to (str or None)
        The signal of the recording that fills each lane; None for a lane that stayed empty.
    lost_s : ndarray, shape (n, n_lanes)
        For how many seconds of the epoch the lane shows nothing: it is flat, clipped or missing.
    notes : tuple of str
        What is unusual about the recording or the model.
    spec : ImageSpec
        How the epochs were drawn.
    model, fingerprint : str
        The model's name, and a hash of its files.
    versions : mapping of str to str
        The versions of the packages that staged the night.
    key : str
        A hash of model, recording, lanes and program: equal keys mean equal probabilities.
    corrections : mapping of int to str
        The stages that a person set, by index of the epoch.
    """

    name: str
    duration_s: float
    clock_s: int | None
    epochs: np.ndarray
    raw_probabilities: np.ndarray
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
        """The onsets of the epochs in seconds from the start of the record, shape (n,)."""
        return EPOCH_S * self.epochs

    @property
    def stages(self) -> list[str]:
        """The stage of each epoch: the one a person set, else the most probable one."""
        most_probable = [STAGES[index] for index in self.probabilities.argmax(axis=1)]
        return [
            self.corrections.get(int(index), stage)
            for index, stage in zip(self.epochs, most_probable, strict=True)
        ]

    @property
    def confidence(self) -> np.ndarray:
        """The probability of the most probable stage of each epoch, shape (n,)."""
        return self.probabilities.max(axis=1)

    @property
    def minutes(self) -> dict[str, float]:
        """The minutes spent in each stage."""
        stages = self.stages
        return {stage: stages.count(stage) * EPOCH_S / 60 for stage in STAGES}

    def stages_on_grid(self) -> list[str | None]:
        """Return a stage for every 30 s of the record, None where it has a gap."""
        stages: list[str | None] = [None] * int((self.duration_s + 1e-3) // EPOCH_S)
        for index, stage in zip(self.epochs, self.stages, strict=True):
            stages[index] = stage
        return stages

    def probabilities_on_grid(self) -> np.ndarray:
        """Return probabilities for every 30 s of the record, shape (n_grid, 5); NaN in gaps."""
        grid = np.full((len(self.stages_on_grid()), len(STAGES)), np.nan)
        grid[self.epochs] = self.probabilities
        return grid

    def rows_for_review(self, under: float = REVIEW_UNDER) -> np.ndarray:
        """Return the rows of the epochs that a person should review, the least probable first.

        Parameters
        ----------
        under : float, default 0.6
            An epoch is listed if its `confidence` is lower and nobody has corrected it.

        Returns
        -------
        ndarray of int
            Rows of `epochs`, `stages`, `probabilities` and so on.
        """
        uncorrected = [int(index) not in self.corrections for index in self.epochs]
        rows = np.flatnonzero((self.confidence < under) & uncorrected)
        return rows[np.argsort(self.confidence[rows], kind="stable")]

    def review_gain(self, under: float = REVIEW_UNDER) -> tuple[Review, Review] | None:
        """Return the measured agreement on validation nights without and with such a review.

        The review is that of the largest measured threshold up to `under`. Returns None if none
        was measured.
        """
        points = [point for point in self.review if point.under <= under]
        return (points[0], points[-1]) if points else None

    def corrected(self, epoch: int, stage: str) -> "StagedNight":
        """Return the night with a person's stage for one epoch.

        Parameters
        ----------
        epoch : int
            The number of the epoch, from 1 as in `to_frame`.
        stage : str
            W, N1, N2, N3 or R.

        Raises
        ------
        InputError
            If the epoch was not staged, or the stage is none of the five.
        """
        if stage not in STAGES or epoch - 1 not in self.epochs:
            raise InputError(
                f"{self.name}: epoch {epoch} as {stage!r}; expected the number of an epoch that "
                f"was staged, from 1, and one of {', '.join(STAGES)}"
            )
        return replace(self, corrections={**self.corrections, int(epoch) - 1: stage})

    def time_of_day(self, onset_s: float) -> str | None:
        """Return the time of day at `onset_s` seconds of the record as `hh:mm:ss`, if known."""
        return None if self.clock_s is None else hypnogram.time_of_day(self.clock_s + onset_s)

    def to_frame(self) -> "pd.DataFrame":
        """Return the epochs as a pandas DataFrame.

        Returns
        -------
        pandas.DataFrame
            One row for each staged epoch, with columns `epoch` (its number, from 1), `onset_s`
            (seconds from the start of the record), `stage`, and the calibrated probabilities
            `p_W`, `p_N1`, `p_N2`, `p_N3`, `p_R`.

        Examples
        --------
        >>> import psgvlm
        >>> night = psgvlm.stage("night.edf", model="adapter")
        >>> night.to_frame()
           epoch  onset_s stage ... p_R
        0      1      0.0 ...
        1      2     30.0 ...
        """
        import pandas as pd

        frame = pd.DataFrame(
            {"epoch": self.epochs + 1, "onset_s": self.onsets_s, "stage": self.stages}
        )
        columns = zip(STAGES, self.probabilities.T, strict=True)
        return frame.assign(**{f"p_{stage}": column for stage, column in columns})

    def hypnogram(self) -> "yasa.Hypnogram":
        """Return the stages as a `yasa.Hypnogram`, with gaps of the record as unscored epochs.

        Returns
        -------
        yasa.Hypnogram
            One epoch for every 30 s of the record, from its first sample. It offers sleep
            statistics, transitions and plots.

        Examples
        --------
        >>> import psgvlm
        >>> night = psgvlm.stage("night.edf", model="adapter")
        >>> night.hypnogram().n_epochs
        5
        """
        from psgvlm.staging import sleep_statistics

        return sleep_statistics.to_yasa(self.stages_on_grid(), scorer=self.model)

    def plot(self) -> "Figure":
        """Plot the hypnogram above the probabilities.

        Returns
        -------
        matplotlib.figure.Figure
            A figure that a notebook shows; `figure.savefig("night.png")` writes it.
        """
        stages = self.stages_on_grid()
        onsets_s = EPOCH_S * np.arange(len(stages))
        figure = hypnogram.plot(onsets_s, stages, self.probabilities_on_grid(), self.clock_s)
        figure.suptitle(self.name, x=0.01, ha="left", fontsize=11, parse_math=False)
        return figure

    def save(
        self,
        folder: str | Path,
        lights_off: str | float | None = None,
        lights_on: str | float | None = None,
        review_under: float = REVIEW_UNDER,
    ) -> Path:
        """Write all files of the night, the same as `psgvlm stage` writes.

        They are `hypnogram.csv`, `hypnogram.edf` (EDF+ annotations), `events.tsv` and `events.json`
        (BIDS), `statistics.json`, `night.png`, `report.html` and `hypnogram.json`.

        Parameters
        ----------
        folder : path
            Where to write. The folder is made if it is missing; files of these names in it are
            replaced.
        lights_off, lights_on : str or float, optional
            When the lights went off and on, as `"23:10"`, `"23:10:30"` or in seconds from the start
            of the record. Sleep statistics count from one to the other; by default they count the
            whole record.
        review_under : float, default 0.6
            Epochs whose stage is less probable are listed for review.

        Returns
        -------
        pathlib.Path
            The folder.

        Raises
        ------
        InputError
            If a time cannot be read, or no epoch lies between the two.
        """
        from psgvlm.staging import lights, night_files

        dark = lights.find(lights_off, lights_on, self.name, self.duration_s, self.clock_s)
        return night_files.write(folder, self, dark, review_under)

    def __repr__(self) -> str:
        minutes = ", ".join(f"{stage} {value:g}" for stage, value in self.minutes.items())
        facts = [f"minutes: {minutes}", *self._facts()]
        return "\n".join([f"StagedNight of {self.name}", *(f"  {fact}" for fact in facts)])

    def _repr_html_(self) -> str:
        minutes, total = self.minutes, len(self.epochs) * EPOCH_S / 60
        head = "".join(f"<th>{stage}</th>" for stage in minutes)
        cells = "".join(
            f"<td>{value:g} min ({value / total:.0%})</td>" for value in minutes.values()
        )
        facts = "".join(f"<li>{escape(fact)}</li>" for fact in self._facts())
        png = io.BytesIO()
        self.plot().savefig(png, format="png", dpi=80)
        picture = base64.b64encode(png.getvalue()).decode()
        return (
            f"<div><b>{escape(self.name)}</b>"
            f"<table><tr>{head}</tr><tr>{cells}</tr></table><ul>{facts}</ul>"
            f'<img alt="hypnogram and probabilities" src="data:image/png;base64,{picture}"></div>'
        )

    def _facts(self) -> list[str]:
        """Return what a person should know about the night, a line each."""
        missing = len(self.stages_on_grid()) - len(self.epochs)
        gaps = f", {missing} more lie in gaps" if missing else ""
        review = len(self.rows_for_review())
        facts = [
            f"epochs: {len(self.epochs)} of {EPOCH_S:g} s{gaps}",
            f"for review: {review} epochs whose stage has a probability under {REVIEW_UNDER:g}",
        ]
        if self.corrections:
            facts.append(f"corrected by a person: {len(self.corrections)} epochs")
        return [*facts, f"model: {self.model}", *(f"note: {note}" for note in self.notes)]
