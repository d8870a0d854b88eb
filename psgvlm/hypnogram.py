"""The stages and probabilities of a night: written, read and drawn."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from psgvlm.image_spec import EPOCH_S
from psgvlm.stages import STAGES

COLUMNS = ("epoch", "onset_s", "stage", *(f"p_{stage}" for stage in STAGES))
# Dark for deep, warm for awake and dreaming; told apart in greys too.
COLOURS = {"W": "#f2b134", "N1": "#a8d5e5", "N2": "#4f9ac6", "N3": "#1b4079", "R": "#c8553d"}
_LEVEL = {"W": 4, "R": 3, "N1": 2, "N2": 1, "N3": 0}


@dataclass(frozen=True)
class Hypnogram:
    """One row an epoch: its onset in seconds of the record and the probabilities of the stages.

    `onsets_s` has shape (n,), `probabilities` (n, 5) in the order W, N1, N2, N3, R; epochs of NaN
    are left out of the pictures.
    """

    onsets_s: np.ndarray
    probabilities: np.ndarray

    @property
    def stages(self) -> list[str]:
        """The most probable stage of each epoch."""
        return [STAGES[index] for index in self.probabilities.argmax(axis=1)]

    def to_csv(self, path: str | Path) -> None:
        """Write `epoch,onset_s,stage,p_W,p_N1,p_N2,p_N3,p_R`."""
        with Path(path).open("w", newline="", encoding="utf-8") as file:
            out = csv.writer(file, lineterminator="\n")
            out.writerow(COLUMNS)
            rows = zip(self.onsets_s, self.stages, self.probabilities, strict=True)
            for epoch, (onset_s, stage, p) in enumerate(rows):
                onset = f"{onset_s:.4f}".rstrip("0").rstrip(".")
                out.writerow([epoch, onset, stage, *(f"{value:.6f}" for value in p)])

    def to_png(self, path: str | Path, scored: list[str | None] | None = None) -> None:
        """Draw the hypnogram over the hypnodensity; a scorer's stages lie behind in grey."""
        from matplotlib.figure import Figure

        figure = Figure(figsize=(10, 4.4), layout="constrained")
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        edges_h = np.append(self.onsets_s, self.onsets_s[-1] + EPOCH_S) / 3600
        if scored is not None:
            levels = [np.nan if stage is None else _LEVEL[stage] for stage in scored]
            top.stairs(levels, edges_h, baseline=None, color="0.72", linewidth=5, label="scorer")
        known = np.isfinite(self.probabilities).all(axis=1)
        levels = [_LEVEL[s] if k else np.nan for s, k in zip(self.stages, known, strict=True)]
        top.stairs(levels, edges_h, baseline=None, color="0.15", linewidth=1.1, label="model")
        rem = [level if level == _LEVEL["R"] else np.nan for level in levels]
        top.stairs(rem, edges_h, baseline=None, color=COLOURS["R"], linewidth=3)
        top.set_yticks(list(_LEVEL.values()), list(_LEVEL))
        top.set_ylim(-0.4, 4.4)
        top.grid(axis="x", color="0.9")
        if scored is not None:
            top.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)

        floor = np.zeros(len(self.onsets_s))
        for stage in ("N3", "N2", "N1", "R", "W"):
            upper = floor + self.probabilities[:, STAGES.index(stage)]
            bottom.stairs(
                upper, edges_h, baseline=floor, fill=True, color=COLOURS[stage], label=stage
            )
            floor = upper
        bottom.set(ylim=(0, 1), ylabel="probability", xlabel="hours from the start of the record")
        bottom.set_xlim(edges_h[0], edges_h[-1])
        bottom.legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False, reverse=True)
        for axes in (top, bottom):
            axes.spines[["top", "right"]].set_visible(False)
        # No creation date: the same night gives the same bytes.
        figure.savefig(path, dpi=130, metadata={"Software": None})
