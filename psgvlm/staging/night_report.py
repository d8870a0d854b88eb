"""A staged night as one HTML page that opens offline."""

from pathlib import Path

from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging import document
from psgvlm.staging.document import Heading, Picture, Table, Text
from psgvlm.staging.lights import Lights
from psgvlm.staging.night_picture import LOST_S
from psgvlm.staging.stager import StagedNight

LISTED = 200  # epochs for review that a page lists


def html(
    night: StagedNight, lights: Lights, statistics: dict, review_under: float, folder: Path
) -> str:
    """The page; `night.png` is read from `folder`."""
    blocks = [
        Heading(f"Sleep staging of {night.name}", 1),
        Text(_summary(night, lights)),
        *(Text(f"Note: {note}.") for note in night.notes),
        Picture("night.png", "Hypnogram, probabilities, epochs for review, lanes"),
        *_statistics(statistics),
        *_lanes(night),
        *_review(night, review_under),
        *_about(night),
        *_epochs(night, review_under),
    ]
    return document.html(blocks, folder)


def _summary(night: StagedNight, lights: Lights) -> str:
    off, on = (
        night.clock(at_s) or f"{at_s:g} s from the start" for at_s in (lights.off_s, lights.on_s)
    )
    corrected = len(night.corrections)
    checked = f"{corrected} epochs corrected by hand" if corrected else "not checked by a scorer"
    return (
        f"{len(night.epochs)} epochs of 30 s, lights off {off}, lights on {on}. Staged by "
        f"{night.model}, {checked}. For research, not a medical device."
    )


def _statistics(statistics: dict) -> list:
    rows = [
        [name, _value(of["value"]), of["unit"], of["means"]]
        for name, of in statistics["statistics"].items()
    ]
    stages = [
        [stage, _value(of["minutes"]), _value(of["percent_of_tst"])]
        for stage, of in statistics["stages"].items()
    ]
    changes = [
        [stage, *(str(statistics["transitions"][stage][other]) for other in STAGES)]
        for stage in STAGES
    ]
    return [
        Heading("Sleep statistics"),
        Table(["", "", "unit", "lights off to lights on"], rows, words=(2, 3)),
        Table(["stage", "min", "% of TST"], stages),
        Text("Changes of stage, from the row's to the column's, in epochs:"),
        Table(["from", *STAGES], changes),
    ]


def _review(night: StagedNight, under: float) -> list:
    count, total = len(night.unsure(under)), len(night.epochs)
    blocks = [
        Heading("What to look at again"),
        Text(
            f"{count} of {total} epochs ({100 * count / total:.1f} %) have a probability under "
            f"{under:g}. They are listed at the end, the least sure first."
        ),
    ]
    if night.review:
        rows = [
            [
                f"{point.under:.3f}",
                f"{100 * point.share:.1f} %",
                f"{point.kappa:.3f}",
                f"{point.accuracy:.3f}",
                str(len(night.unsure(point.under))),
            ]
            for point in night.review
        ]
        blocks += [
            Text(
                "What that was worth on the scored nights that the model was calibrated on: "
                "agreement with the scorer once all epochs under a probability are given the "
                "scorer's stage, and how many epochs of this night are under it."
            ),
            Table(["under", "share there", "κ", "accuracy", "epochs here"], rows),
        ]
    return blocks


def _epochs(night: StagedNight, under: float) -> list:
    rows = night.unsure(under)
    listed = []
    for row in rows[:LISTED]:
        p, onset_s = night.probabilities[row], float(night.onsets_s[row])
        best, second = (-p).argsort(kind="stable")[:2]
        listed.append(
            [
                str(night.epochs[row] + 1),
                night.clock(onset_s) or f"{onset_s:g} s",
                f"{STAGES[best]} {p[best]:.2f}",
                f"{STAGES[second]} {p[second]:.2f}",
            ]
        )
    if not listed:
        return []
    more = f": the {LISTED} least sure of {len(rows)}" if len(rows) > LISTED else ""
    head = ["epoch, from 1", "begins", "stage", "or"]
    return [Heading(f"Epochs for review{more}"), Table(head, listed)]


def _lanes(night: StagedNight) -> list:
    rows = []
    for (name, source), lost_s in zip(night.lanes.items(), night.lost_s.T, strict=True):
        gone = (lost_s >= LOST_S).sum()
        rows.append(
            [
                name,
                source or "not recorded",
                f"{lost_s.sum() / 60:.1f}" if source else "-",
                str(gone) if source else "-",
            ]
        )
    head = ["lane", "signal in the file", "min flat or clipped", "epochs lost"]
    return [Heading("Lanes"), Table(head, rows, words=(1,))]


def _about(night: StagedNight) -> list:
    heat = "none fitted" if night.temperature is None else f"{night.temperature:.3f}"
    rows = [
        ["model", f"{night.model}, fingerprint {night.fingerprint}"],
        ["temperature", heat],
        ["drawing", f"{night.spec.name}, {night.spec.width} × {night.spec.height} pixels"],
        ["versions", ", ".join(f"{name} {version}" for name, version in night.versions.items())],
        ["length", f"{night.duration_s:g} s, epochs of {EPOCH_S:g} s from its first sample"],
    ]
    return [Heading("How it was made"), Table(["", ""], rows, words=(1,))]


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
