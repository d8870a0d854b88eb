"""A staged night as one HTML page that opens offline."""

from pathlib import Path

from psgvlm.image_spec import EPOCH_S
from psgvlm.lights import Lights
from psgvlm.night_picture import LOST_S
from psgvlm.report import page
from psgvlm.report.page import Heading, Picture, Table, Text
from psgvlm.stages import STAGES
from psgvlm.staging import StagedNight

LISTED = 200  # epochs for review that a page lists


def html(
    night: StagedNight, lights: Lights, statistics: dict, review_under: float, folder: Path
) -> str:
    """The page; `night.png` is read from `folder`."""
    blocks = [
        Heading(f"Sleep staging of {night.name}", 1),
        Text(_summary(night, lights)),
        Picture("night.png", "Hypnogram, probabilities, epochs for review, lanes"),
        *_statistics(statistics),
        *_review(night, review_under),
        *_lanes(night),
        *_about(night),
    ]
    return page.html(blocks, folder)


def _summary(night: StagedNight, lights: Lights) -> str:
    told = [f"{len(night.epochs)} epochs of 30 s"]
    for name, at_s in (("Lights off", lights.off_s), ("lights on", lights.on_s)):
        clock = night.clock(at_s)
        told.append(f"{name} {clock or f'{at_s:g} s from the start'}")
    corrected = len(night.corrections)
    text = "; ".join(told) + f". Staged by {night.model} ({night.fingerprint})"
    text += (
        f", {corrected} epochs corrected by hand." if corrected else ", not checked by a scorer."
    )
    return text + " For research, not a medical device."


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
        Table(["", "", "unit", "lights off to lights on"], rows, words=2),
        Table(["stage", "min", "% of TST"], stages),
        Text("Changes of stage, from the row's to the column's, in epochs:"),
        Table(["from", *STAGES], changes),
    ]


def _review(night: StagedNight, under: float) -> list:
    rows = night.unsure(under)
    total = len(night.epochs)
    blocks = [
        Heading("Epochs to look at again"),
        Text(
            f"{len(rows)} of {total} epochs ({100 * len(rows) / total:.1f} %) have a probability "
            f"under {under:g}; the least sure come first."
            + (f" The first {LISTED} are listed." if len(rows) > LISTED else "")
        ),
    ]
    if len(rows):
        listed = []
        for row in rows[:LISTED]:
            best, second = (-night.probabilities[row]).argsort(kind="stable")[:2]
            onset_s = float(night.onsets_s[row])
            p = night.probabilities[row]
            listed.append(
                [
                    str(night.epochs[row] + 1),
                    night.clock(onset_s) or f"{onset_s:g} s",
                    f"{STAGES[best]} {p[best]:.2f}",
                    f"{STAGES[second]} {p[second]:.2f}",
                ]
            )
        blocks.append(Table(["epoch, from 1", "begins", "stage", "or"], listed))
    if night.review:
        blocks += [
            Text(
                "What that is worth, measured on the scored nights that the probabilities were "
                "calibrated on: agreement with the scorer once the epochs under a probability are "
                "given the scorer's stage, and how many epochs of this night that would be."
            ),
            Table(
                ["under", "share there", "κ", "accuracy", "epochs here"],
                [
                    [
                        f"{point.under:.3f}",
                        f"{100 * point.share:.1f} %",
                        f"{point.kappa:.3f}",
                        f"{point.accuracy:.3f}",
                        str(len(night.unsure(point.under))),
                    ]
                    for point in night.review
                ],
            ),
        ]
    return blocks


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
    notes = [Text(f"Note: {note}.") for note in night.notes]
    return [Heading("Lanes"), Table(head, rows), *notes]


def _about(night: StagedNight) -> list:
    heat = "none fitted" if night.temperature is None else f"{night.temperature:.3f}"
    rows = [
        ["model", f"{night.model}, fingerprint {night.fingerprint}"],
        ["temperature", heat],
        ["drawing", f"{night.spec.name}, {night.spec.width} × {night.spec.height} pixels"],
        ["versions", ", ".join(f"{name} {version}" for name, version in night.versions.items())],
        ["length", f"{night.duration_s:g} s, epochs of {EPOCH_S:g} s from its first sample"],
    ]
    return [Heading("How it was made"), Table(["", ""], rows, words=1)]


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
