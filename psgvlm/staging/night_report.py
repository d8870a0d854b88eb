"""The report of a staged night: one HTML page that opens without a network."""

from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging import document
from psgvlm.staging.document import Heading, Picture, Table, Text
from psgvlm.staging.lights import Lights
from psgvlm.staging.night_picture import LOST_S
from psgvlm.staging.staged_night import StagedNight

MAX_LISTED = 200  # epochs for review that the page lists


def html(
    night: StagedNight, lights: Lights, statistics: dict, review_under: float, picture: bytes
) -> str:
    """Return the page; `picture` is the PNG of the night, `statistics` are `full_statistics`."""
    blocks = [
        Heading(f"Sleep staging of {night.name}", 1),
        Text(_summary(night, lights)),
        *(Text(f"Note: {note}.") for note in night.notes),
        Picture("night.png", "Hypnogram, probabilities, epochs for review, and lanes"),
        *_statistics(statistics),
        *_lanes(night),
        *_review(night, review_under),
        *_origin(night),
        *_epochs(night, review_under),
    ]
    return document.html(blocks, {"night.png": picture})


def _summary(night: StagedNight, lights: Lights) -> str:
    off, on = (
        night.time_of_day(at_s) or f"{at_s:g} s from the start"
        for at_s in (lights.off_s, lights.on_s)
    )
    corrected = len(night.corrections)
    checked = (
        f"A person corrected {corrected} epochs" if corrected else "No scorer has checked them"
    )
    return (
        f"{len(night.epochs)} epochs of 30 s, staged by the model {night.model}. {checked}. "
        f"Lights off: {off}. Lights on: {on}. For research; this is not a medical device."
    )


def _statistics(statistics: dict) -> list:
    rows = [
        [name, _value(entry["value"]), entry["unit"], entry["means"]]
        for name, entry in statistics["statistics"].items()
    ]
    stages = [
        [stage, _value(entry["minutes"]), _value(entry["percent_of_tst"])]
        for stage, entry in statistics["stages"].items()
    ]
    transitions = [
        [stage, *(str(statistics["transitions"][stage][other]) for other in STAGES)]
        for stage in STAGES
    ]
    return [
        Heading("Sleep statistics"),
        Text("The statistics count from lights off to lights on."),
        Table(["statistic", "value", "unit", "meaning"], rows, words=(2, 3)),
        Table(["stage", "minutes", "% of TST"], stages),
        Text("Transitions: how often an epoch of the row's stage was followed by the column's."),
        Table(["from", *STAGES], transitions),
    ]


def _review(night: StagedNight, under: float) -> list:
    count, total = len(night.rows_for_review(under)), len(night.epochs)
    listed = "They are listed at the end of this page, the least probable first."
    blocks = [
        Heading("Epochs for review"),
        Text(
            f"In {count} of {total} epochs ({100 * count / total:.1f} %) the most probable stage "
            f"has a probability under {under:g}. {listed if count else ''}"
        ),
    ]
    if night.review:
        rows = [
            [
                f"{point.under:.3f}",
                f"{100 * point.share:.1f} %",
                f"{point.kappa:.3f}",
                f"{point.accuracy:.3f}",
                str(len(night.rows_for_review(point.under))),
            ]
            for point in night.review
        ]
        blocks += [
            Text(
                "The table says what a review gains. That was measured on validation nights, which "
                "a person had scored: all epochs under a probability were given the scorer's "
                "stage. For each probability, the table shows the share of epochs that this was, "
                "the agreement with the scorer afterwards, and how many epochs of this night lie "
                "under the same probability."
            ),
            Table(
                ["probability under", "share reviewed", "κ after", "accuracy after", "this night"],
                rows,
            ),
        ]
    return blocks


def _epochs(night: StagedNight, under: float) -> list:
    rows = night.rows_for_review(under)
    listed = []
    for row in rows[:MAX_LISTED]:
        p, onset_s = night.probabilities[row], float(night.onsets_s[row])
        best, second = (-p).argsort(kind="stable")[:2]
        listed.append(
            [
                str(night.epochs[row] + 1),
                night.time_of_day(onset_s) or f"{onset_s:g} s",
                f"{STAGES[best]} {p[best]:.2f}",
                f"{STAGES[second]} {p[second]:.2f}",
            ]
        )
    if not listed:
        return []
    shown = f" ({MAX_LISTED} of {len(rows)})" if len(rows) > MAX_LISTED else ""
    head = ["epoch, from 1", "onset", "most probable", "second"]
    return [Heading(f"List of epochs for review{shown}"), Table(head, listed)]


def _lanes(night: StagedNight) -> list:
    rows = []
    for (name, source), lost_s in zip(night.lanes.items(), night.lost_s.T, strict=True):
        n_lost = (lost_s >= LOST_S).sum()
        # The notes on a lane begin as `LaneMap.remarks` writes them.
        shown = f"{name} <- {source}, "
        notes = (note.removeprefix(shown) for note in night.notes if note.startswith(shown))
        rows.append(
            [
                name,
                ", ".join([source, *notes]) if source else "not shown",
                f"{lost_s.sum() / 60:.1f}" if source else "-",
                str(n_lost) if source else "-",
            ]
        )
    head = ["lane", "signal in the file", "minutes flat or clipped", "epochs lost"]
    lost = f"An epoch counts as lost if the lane is flat or clipped for {LOST_S:g} s or more of it."
    return [Heading("Lanes"), Table(head, rows, words=(1,)), Text(lost)]


def _origin(night: StagedNight) -> list:
    temperature = "none fitted" if night.temperature is None else f"{night.temperature:.3f}"
    rows = [
        ["model", f"{night.model}, fingerprint {night.fingerprint}"],
        ["temperature", temperature],
        ["images", f"{night.spec.name}, {night.spec.width} × {night.spec.height} pixels"],
        ["versions", ", ".join(f"{name} {version}" for name, version in night.versions.items())],
        [
            "recording",
            f"{night.duration_s:g} s, cut into epochs of {EPOCH_S:g} s from its first sample",
        ],
    ]
    return [Heading("How the night was staged"), Table(["", ""], rows, words=(1,))]


def _value(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
