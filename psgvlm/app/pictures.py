"""What the page draws: the night, an epoch, its probabilities and reasons, as HTML and SVG.

Everything is within the page: no picture of a recording is written to a disk. What comes from a
file (labels, its name) is escaped.
"""

import base64
import io
import json
from html import escape

import numpy as np
from PIL import Image

from psgvlm.explanations import Explanation
from psgvlm.explanations.picture import AGAINST, FOR, paper
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import EPOCH_S, STAGES
from psgvlm.staging.hypnogram import COLOURS
from psgvlm.staging.sleep_statistics import UNITS
from psgvlm.staging.stager import Night, StagedNight

FROM_ABOVE = ("W", "R", "N1", "N2", "N3")
LANE_HEIGHT = 100 / len(FROM_ABOVE)
TICKS_S = (60, 300, 600, 1800, 3600, 7200, 14400, 43200)
MOST_TICKS = 8


def night(staged: StagedNight, review_under: float) -> str:
    """Hypnogram over hypnodensity, as wide as the page; a click on it tells a share of its width.

    What is to be reviewed, and what was corrected, is marked between the two.
    """
    stages = staged.on_grid()
    count = len(stages)
    p = np.zeros((count, len(STAGES)))
    p[staged.epochs] = staged.probabilities
    review = staged.epochs[staged.unsure(review_under)]
    names = "".join(
        f'<span style="top:{LANE_HEIGHT * (i + 0.5)}%"><i style="background:{COLOURS[s]}"></i>{s}'
        "</span>"
        for i, s in enumerate(FROM_ABOVE)
    )
    marks = [("review", review), ("corrected", np.array(sorted(staged.corrections), int))]
    lines = "".join(
        f'<path class="{name}" d="{"".join(f"M{x + 0.5},0V10" for x in at)}"/>'
        for name, at in marks
    )
    return (
        f'<div class="night" data-epochs="{count}" data-tips="{escape(_tips(staged, stages))}">'
        f'<div class="names steps">{names}</div>'
        f'<div class="plot">{_svg("steps", count, 100, _steps(stages))}'
        f"{_svg('marks', count, 10, lines)}{_svg('density', count, 100, _density(p))}"
        f'<div class="ticks">{_ticks(staged, count)}</div>'
        '<div class="cursor"></div><div class="tip" hidden></div></div>'
        '<div class="names below"><span>review</span></div>'
        '<div class="names below density"><span>probability</span></div></div>'
        '<p class="legend"><i class="review"></i>to be reviewed (probability under '
        f'{review_under:g}) <i class="corrected"></i>set by hand <span class="keys">· keys: '
        "← → for epochs, W 1 2 3 R for stages, U for the next to review</span></p>"
    )


def _svg(name: str, width: int, height: int, content: str) -> str:
    return (
        f'<svg class="{name}" viewBox="0 0 {width} {height}" preserveAspectRatio="none" '
        f'aria-hidden="true">{content}</svg>'
    )


def _steps(stages: list[str | None]) -> str:
    """A thin line through the night, thick and coloured where it stays."""
    line, spans, before = [], {stage: [] for stage in STAGES}, None
    edges = [i for i in range(len(stages)) if i == 0 or stages[i] != stages[i - 1]]
    for start, stop in zip(edges, [*edges[1:], len(stages)], strict=True):
        if stage := stages[start]:
            y = LANE_HEIGHT * (FROM_ABOVE.index(stage) + 0.5)
            line.append(f"V{y}H{stop}" if before else f"M{start},{y}H{stop}")
            spans[stage].append(f"M{start},{y}H{stop}")
        before = stages[start]
    grid = "".join(f"M0,{LANE_HEIGHT * i}H{len(stages)}" for i in range(1, len(FROM_ABOVE)))
    drawn = f'<path class="grid" d="{grid}"/><path class="line" d="{"".join(line)}"/>'
    for stage, parts in spans.items():
        drawn += f'<path class="stay" stroke="{COLOURS[stage]}" d="{"".join(parts)}"/>'
    return drawn


def _density(p: np.ndarray) -> str:
    """Areas from the bottom, N3 below and W above, the taller ones drawn first."""
    order = FROM_ABOVE[::-1]
    upper = np.cumsum(p[:, [STAGES.index(stage) for stage in order]], axis=1)
    drawn = ""
    for column in reversed(range(len(order))):
        y = np.round(100 * (1 - upper[:, column]), 1) + 0.0  # no -0
        path = "".join(f"V{value:g}H{i + 1}" for i, value in enumerate(y))
        drawn += f'<path fill="{COLOURS[order[column]]}" d="M0,100{path}V100Z"/>'
    return drawn


def _ticks(staged: StagedNight, count: int) -> str:
    """Times of day where the recording tells them, else times from its start."""
    length_s = count * EPOCH_S
    step_s = next((s for s in TICKS_S if length_s / s <= MOST_TICKS), TICKS_S[-1])
    first_s = -(staged.clock_s or 0) % step_s
    texts = []
    for at_s in np.arange(first_s, 0.95 * length_s, step_s):  # the last one needs room, too
        text = when(staged, at_s).rsplit(":", 1)[0]
        texts.append(f'<span style="left:{100 * at_s / length_s:.3f}%">{text}</span>')
    return "".join(texts)


def _tips(staged: StagedNight, stages: list[str | None]) -> str:
    """What is said under the pointer, an epoch each: JSON."""
    sure = dict(zip(staged.epochs.tolist(), staged.confidence, strict=True))
    texts = []
    for number, stage in enumerate(stages):
        text = f"{number + 1} · {when(staged, EPOCH_S * number)}"
        if stage is None:
            text += " · not recorded as a whole"
        elif number in staged.corrections:
            text += f" · {stage} by hand"
        else:
            text += f" · {stage} {sure[number]:.0%}"
        texts.append(text)
    return json.dumps(texts, ensure_ascii=False)


def when(staged: StagedNight, onset_s: float) -> str:
    """A time of the record as a time of day, or where it does not tell from its start."""
    return staged.clock(onset_s) or _duration(onset_s)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


def epoch(picture: Image.Image, spec: ImageSpec, over: Image.Image | None = None) -> str:
    """An epoch's picture with its lanes named beside it; `over` is a heat to lie over it."""
    rows = list(spec.lanes) * spec.fold
    high = 100 * spec.lane_px() / spec.height
    names = "".join(
        f'<span style="top:{high * (i + 0.5):.3f}%">{escape(name)}</span>'
        for i, name in enumerate(rows)
    )
    row_s = spec.shown_s / spec.fold
    starts_s = [i * row_s - spec.context_s for i in range(spec.fold)]
    times = "".join(
        f'<span style="top:{100 * (i + 0.5) / spec.fold:.3f}%">{at_s:g}–{at_s + row_s:g} s</span>'
        for i, at_s in enumerate(starts_s)
    )
    beside = f'<div class="names times">{times}</div>' if spec.fold > 1 else ""
    lying = f'<img class="heat" src="{data(over)}" alt="">' if over else ""
    return (
        f'<div class="epoch" style="--wide:{spec.width};--high:{spec.height}">'
        f'<div class="names">{names}</div><div class="paper">'
        f'<img src="{data(picture)}" alt="the epoch as the model sees it">{lying}</div>'
        f"{beside}</div>"
    )


def probabilities(staged: StagedNight, row: int) -> str:
    """Bars of the five stages; the one that counts is marked."""
    number, p = int(staged.epochs[row]), staged.probabilities[row]
    counts = staged.stages[row]
    bars = "".join(
        f"<tr{' class=counts' if stage == counts else ''}><th>{stage}</th>"
        f'<td><i style="width:{100 * p[i]:.1f}%;background:{COLOURS[stage]}"></i></td>'
        f"<td>{p[i]:.0%}</td></tr>"
        for i, stage in enumerate(STAGES)
    )
    by = "set by hand" if number in staged.corrections else "by the model"
    return (
        f'<h3 id="epoch-title">Epoch {number + 1} of {len(staged.on_grid())} · '
        f"{when(staged, EPOCH_S * number)}</h3>"
        f'<p class="verdict"><b style="background:{COLOURS[counts]}" class="{counts}">{counts}</b>'
        f' {by}</p><table class="bars">{bars}</table>'
    )


def heat(explanation: Explanation) -> Image.Image:
    """The colour of the paper, to be multiplied with the epoch's picture."""
    from matplotlib.colors import to_rgb

    colours = paper(explanation.heat, to_rgb(FOR), to_rgb(AGAINST))
    return Image.fromarray((255 * colours).round().astype(np.uint8))


def reasons(explanation: Explanation) -> str:
    """The sentence, and how much the stage would lose without each lane."""
    most = max(np.abs(explanation.lanes).max(), 1e-9)
    bars = "".join(
        f'<tr><th>{escape(name)}</th><td><i style="width:{100 * abs(value) / most:.1f}%;'
        f'background:{FOR if value > 0 else AGAINST}"></i></td><td>{value:+.2f}</td></tr>'
        for name, value in zip(explanation.spec.lanes, explanation.lanes, strict=True)
    )
    return (
        f"<p>{escape(explanation.sentence)}</p>"
        f'<table class="bars">{bars}</table><p class="small">What {explanation.stage} loses '
        f"without the lane, in {escape(explanation.unit)}. <b style='color:{FOR}'>Orange</b> in "
        f"the picture speaks for {explanation.stage}, <b style='color:{AGAINST}'>blue</b> against "
        "it.</p>"
    )


def facts(night: Night, shown: str) -> str:
    """What a recording is, and what is odd about it."""
    told = [f"{night.recording.duration_s / 3600:.2f} h", f"{len(night.epochs)} epochs of 30 s"]
    if (clock_s := night.recording.clock_s) is not None:
        told.append(f"begins at {_duration(clock_s).zfill(8)}")
    return f'<p class="facts"><b>{escape(shown)}</b> · {" · ".join(told)}</p>{_list(night.notes)}'


def _list(notes: tuple[str, ...]) -> str:
    return f'<ul class="notes">{"".join(f"<li>{escape(note)}</li>" for note in notes)}</ul>'


def statistics(found: dict[str, float], notes: tuple[str, ...]) -> str:
    """Sleep statistics in a row, and what is to be kept in mind."""
    told = "".join(
        f"<div><b>{'–' if np.isnan(value) else f'{value:.0f}'}</b> {UNITS[name]}<span>{name}</span>"
        "</div>"
        for name, value in found.items()
    )
    return f'<div class="statistics">{told}</div>{_list(notes)}'


def files(contents: dict[str, tuple[str, bytes]], corrected: int) -> str:
    """Files to be downloaded, held by the page itself."""
    links = "".join(
        f'<a class="download" download="{escape(name)}" '
        f'href="{link(content, "application/octet-stream")}">{escape(kind)}</a>'
        for name, (kind, content) in contents.items()
    )
    by = f"{corrected} set by hand" if corrected else "none set by hand yet"
    return f'{links}<p class="small">The hypnogram as shown above, {by}.</p>'


def data(picture: Image.Image) -> str:
    """A PIL image as a PNG within the page."""
    written = io.BytesIO()
    picture.save(written, "PNG")
    return link(written.getvalue(), "image/png")


def link(content: bytes, kind: str) -> str:
    """Bytes as an address that holds them."""
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"
