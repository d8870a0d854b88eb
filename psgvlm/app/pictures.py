"""What the page shows: the night, an epoch, its probabilities and reasons, as HTML and SVG.

Pictures are embedded in the page, so that no picture of a recording is written to a disk. Text that
comes from a file (labels, its name) is escaped.
"""

import base64
import io
import json
from html import escape

import numpy as np
from PIL import Image

from psgvlm.explanations import Explanation
from psgvlm.explanations.picture import AGAINST, FOR, heat_colours
from psgvlm.image_spec import ImageSpec
from psgvlm.nights.night import Night
from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging.hypnogram import COLOURS, STAGES_FROM_TOP, areas, bouts
from psgvlm.staging.sleep_statistics import UNITS
from psgvlm.staging.staged_night import StagedNight

STAGE_HEIGHT = 100 / len(STAGES_FROM_TOP)
TICKS_S = (60, 300, 600, 1800, 3600, 7200, 14400, 43200)
MAX_TICKS = 8


def night(staged: StagedNight, review_under: float) -> str:
    """Return the hypnogram above the hypnodensity; the page's script finds the clicked epoch.

    Marks between the two show the epochs for review and those that were corrected.
    """
    stages = staged.stages_on_grid()
    count = len(stages)
    review = staged.epochs[staged.rows_for_review(review_under)]
    names = "".join(
        f'<span style="top:{STAGE_HEIGHT * (i + 0.5)}%"><i style="background:{COLOURS[s]}"></i>{s}'
        "</span>"
        for i, s in enumerate(STAGES_FROM_TOP)
    )
    marks = [("review", review), ("corrected", np.array(sorted(staged.corrections), int))]
    lines = "".join(
        f'<path class="{name}" d="{"".join(f"M{x + 0.5},0V10" for x in indices)}"/>'
        for name, indices in marks
    )
    density = _areas(np.nan_to_num(staged.probabilities_on_grid()))
    return (
        f'<div class="night" data-epochs="{count}" data-tips="{escape(_tips(staged, stages))}">'
        f'<div class="names steps">{names}</div>'
        f'<div class="plot">{_svg("steps", count, 100, _steps(stages))}'
        f"{_svg('marks', count, 10, lines)}{_svg('density', count, 100, density)}"
        f'<div class="ticks">{_ticks(staged, count)}</div>'
        '<div class="cursor"></div><div class="tip" hidden></div></div>'
        '<div class="names below"><span>review</span></div>'
        '<div class="names below density"><span>probability</span></div></div>'
        '<p class="legend"><i class="review"></i>for review: probability under '
        f'{review_under:g} <i class="corrected"></i>set by hand <span class="keys">· keys: ← and → '
        "for epochs, W 1 2 3 R for stages, U for the next epoch for review</span></p>"
    )


def _svg(name: str, width: int, height: int, content: str) -> str:
    return (
        f'<svg class="{name}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{content}</svg>'
    )


def _steps(stages: list[str | None]) -> str:
    """Return a thin line through the night with a thick coloured one along each bout."""
    line, thick, before = [], {stage: [] for stage in STAGES}, None
    for start, stop, stage in bouts(stages):
        if stage:
            y = STAGE_HEIGHT * (STAGES_FROM_TOP.index(stage) + 0.5)
            line.append(f"V{y}H{stop}" if before else f"M{start},{y}H{stop}")
            thick[stage].append(f"M{start},{y}H{stop}")
        before = stage
    rows = range(1, len(STAGES_FROM_TOP))
    grid = "".join(f"M0,{STAGE_HEIGHT * i}H{len(stages)}" for i in rows)
    drawn = f'<path class="grid" d="{grid}"/><path class="line" d="{"".join(line)}"/>'
    for stage, parts in thick.items():
        drawn += f'<path class="bout" stroke="{COLOURS[stage]}" d="{"".join(parts)}"/>'
    return drawn


def _areas(probabilities: np.ndarray) -> str:
    """Return stacked areas; each reaches to the bottom, so the upper ones are drawn first."""
    drawn = ""
    for stage, (_, upper) in reversed(areas(probabilities).items()):
        y = np.round(100 * (1 - upper), 1) + 0.0  # turns -0 into 0
        path = "".join(f"V{value:g}H{i + 1}" for i, value in enumerate(y))
        drawn += f'<path fill="{COLOURS[stage]}" d="M0,100{path}V100Z"/>'
    return drawn


def _ticks(staged: StagedNight, count: int) -> str:
    """Return labels of the time axis: times of day if known, else times from the start."""
    length_s = count * EPOCH_S
    step_s = next((s for s in TICKS_S if length_s / s <= MAX_TICKS), TICKS_S[-1])
    first_s = -(staged.clock_s or 0) % step_s
    texts = []
    for at_s in np.arange(first_s, 0.95 * length_s, step_s):  # a label at the end would not fit
        text = time_label(staged, at_s).rsplit(":", 1)[0]
        texts.append(f'<span style="left:{100 * at_s / length_s:.3f}%">{text}</span>')
    return "".join(texts)


def _tips(staged: StagedNight, stages: list[str | None]) -> str:
    """Return the text that the pointer shows for each epoch, as JSON."""
    confidence = dict(zip(staged.epochs.tolist(), staged.confidence, strict=True))
    texts = []
    for index, stage in enumerate(stages):
        text = f"{index + 1} · {time_label(staged, EPOCH_S * index)}"
        if stage is None:
            text += " · in a gap of the recording"
        elif index in staged.corrections:
            text += f" · {stage} set by hand"
        else:
            text += f" · {stage} {confidence[index]:.0%}"
        texts.append(text)
    return json.dumps(texts, ensure_ascii=False)


def time_label(staged: StagedNight, onset_s: float) -> str:
    """Return a time of the record as time of day if known, else as time from its start."""
    return staged.time_of_day(onset_s) or _duration(onset_s)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def epoch(picture: Image.Image, spec: ImageSpec, heat_map: Image.Image | None = None) -> str:
    """Return an epoch's picture with the names of its lanes, and a heat map over it if given."""
    rows = list(spec.lanes) * spec.fold
    lane_percent = 100 * spec.lane_px() / spec.height
    names = "".join(
        f'<span style="top:{lane_percent * (i + 0.5):.3f}%">{escape(name)}</span>'
        for i, name in enumerate(rows)
    )
    row_s = spec.shown_s / spec.fold
    starts_s = [i * row_s - spec.context_s for i in range(spec.fold)]
    times = "".join(
        f'<span style="top:{100 * (i + 0.5) / spec.fold:.3f}%">{at_s:g}–{at_s + row_s:g} s</span>'
        for i, at_s in enumerate(starts_s)
    )
    beside = f'<div class="names times">{times}</div>' if spec.fold > 1 else ""
    overlay = f'<img class="heat" src="{png_url(heat_map)}" alt="">' if heat_map else ""
    return (
        f'<div class="epoch" style="--wide:{spec.width};--high:{spec.height}">'
        f'<div class="names">{names}</div><div class="paper">'
        f'<img src="{png_url(picture)}" alt="the epoch as the model sees it">{overlay}</div>'
        f"{beside}</div>"
    )


def probabilities(staged: StagedNight, row: int) -> str:
    """Return bars of the five probabilities, with the epoch's stage marked."""
    index, p = int(staged.epochs[row]), staged.probabilities[row]
    current = staged.stages[row]
    bars = "".join(
        f"<tr{' class=current' if stage == current else ''}><th>{stage}</th>"
        f'<td><i style="width:{100 * p[i]:.1f}%;background:{COLOURS[stage]}"></i></td>'
        f"<td>{p[i]:.0%}</td></tr>"
        for i, stage in enumerate(STAGES)
    )
    origin = "set by hand" if index in staged.corrections else "by the model"
    return (
        f'<h3 id="epoch-title">Epoch {index + 1} of {len(staged.stages_on_grid())} · '
        f"{time_label(staged, EPOCH_S * index)}</h3>"
        f'<p class="verdict"><b style="background:{COLOURS[current]}" class="{current}">{current}'
        f'</b> {origin}</p><table class="bars">{bars}</table>'
    )


def heat(explanation: Explanation) -> Image.Image:
    """Return the explanation as a coloured picture; the page multiplies it with the epoch's."""
    from matplotlib.colors import to_rgb

    colours = heat_colours(explanation.heat, to_rgb(FOR), to_rgb(AGAINST))
    return Image.fromarray((255 * colours).round().astype(np.uint8))


def reasons(explanation: Explanation) -> str:
    """Return the explanation's sentence, and how much the stage loses without each lane."""
    largest = max(np.abs(explanation.lanes).max(), 1e-9)
    bars = "".join(
        f'<tr><th>{escape(name)}</th><td><i style="width:{100 * abs(value) / largest:.1f}%;'
        f'background:{FOR if value > 0 else AGAINST}"></i></td><td>{value:+.2f}</td></tr>'
        for name, value in zip(explanation.spec.lanes, explanation.lanes, strict=True)
    )
    return (
        f"<p>{escape(explanation.sentence)}</p>"
        f'<table class="bars">{bars}</table><p class="small">How much {explanation.stage} '
        f"loses without each lane, in {escape(explanation.unit)}. In the picture, "
        f"<b style='color:{FOR}'>orange</b> speaks for {explanation.stage} and "
        f"<b style='color:{AGAINST}'>blue</b> against it.</p>"
    )


def facts(night: Night, display_name: str) -> str:
    """Return the recording's name, length and start, and what is unusual about it."""
    recording = night.recording
    parts = [f"{recording.duration_s / 3600:.2f} h", f"{len(night.epochs)} epochs of 30 s"]
    if recording.clock_s is not None:
        parts.append(f"begins at {_duration(recording.clock_s).zfill(8)}")
    name = f"<b>{escape(display_name)}</b>"
    return f'<p class="facts">{name} · {" · ".join(parts)}</p>{_list(night.notes)}'


def _list(notes: tuple[str, ...]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>'


def statistics(values: dict[str, float], notes: tuple[str, ...]) -> str:
    """Return sleep statistics in a row, and the notes on the night."""
    cells = "".join(
        f"<div><b>{'–' if np.isnan(value) else f'{value:.0f}'}</b> {UNITS[name]}<span>{name}</span>"
        "</div>"
        for name, value in values.items()
    )
    return f'<div class="statistics">{cells}</div>{_list(notes)}'


def downloads(files: dict[str, tuple[str, bytes]], n_corrected: int) -> str:
    """Return links to files that the page itself holds."""
    links = "".join(
        f'<a class="download" download="{escape(name)}" '
        f'href="{data_url(content, "application/octet-stream")}">{escape(kind)}</a>'
        for name, (kind, content) in files.items()
    )
    by_hand = f"{n_corrected or 'no'} epoch{'s' * (n_corrected > 1)} set by hand"
    return f'{links}<p class="small">The hypnogram as shown above, with {by_hand}.</p>'


def png_url(picture: Image.Image) -> str:
    """Return a PIL image as a data URL."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    return data_url(file.getvalue(), "image/png")


def data_url(content: bytes, media_type: str) -> str:
    """Return a URL that holds the content itself."""
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
