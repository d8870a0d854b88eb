"""Epochs as pictures: traces stacked in lanes of fixed place, drawn with exact anti-aliasing.

The strokes are `psgvlm.kernel`'s; here are the places, scales and colours.
"""

from collections.abc import Iterable, Iterator
from functools import lru_cache

import numpy as np

from psgvlm import png
from psgvlm.image_spec import EPOCH_S, ImageSpec
from psgvlm.montage import LANES
from psgvlm.signals import Trace

LEVELS = 16  # shades of a lane's ink; lane k takes palette entries 16 k to 16 k + 15
GRID_SECOND, GRID_FIVE = 240, 241
HEAT, HEAT_LEVELS = 160, 64  # the spectrogram's palette entries
HEAT_DB = (-10.0, 25.0)  # dB re 1 µV²/Hz
HEAT_HZ = 20.0

# Blues for EEG, greens for the eyes, red for muscle, violet for the heart.
INK = {
    **{"F3-M2": (70, 90, 200), "F4-M1": (60, 120, 210), "C3-M2": (10, 60, 130)},
    **{"C4-M1": (20, 60, 160), "O1-M2": (0, 100, 150), "O2-M1": (0, 120, 170)},
    **{"E1": (0, 120, 60), "E2": (70, 130, 0), "chin": (170, 50, 20), "ECG": (120, 30, 130)},
}


def draw(traces: list[Trace | None], spec: ImageSpec, onsets_s: Iterable[float]) -> Iterator:
    """Draw the epochs that start at `onsets_s` (seconds of the record).

    Yields uint8 palette indices of shape (height, width). A lane without a trace stays empty, and
    so does time outside the record: nothing else moves.
    """
    # Importing numba and the compiled kernel takes most of a second; `--help` needs neither.
    from psgvlm.kernel import stroke

    ground = _ground(spec)
    height, rows = spec.lane_px(), range(spec.fold)
    row_s = EPOCH_S / spec.fold
    for onset_s in onsets_s:
        image = ground.copy()
        for index, (name, trace) in enumerate(zip(spec.lanes, traces, strict=True)):
            if trace is None:
                continue
            centre_uv, half_uv = _scale(trace, spec, LANES[name].modality, onset_s)
            for row in rows:
                top = (row * len(spec.lanes) + index) * height
                stroke(
                    trace.samples_uv,
                    (onset_s + row * row_s) * trace.rate_hz,
                    row_s * trace.rate_hz / spec.width,
                    centre_uv,
                    height / 2 / half_uv,
                    spec.line_px,
                    index * LEVELS,
                    image[top : top + height],
                )
        if spec.spectrogram:
            _spectrogram(traces, spec, onset_s, image)
        yield image


def to_png(image: np.ndarray, spec: ImageSpec) -> bytes:
    """A picture from `draw` as PNG bytes: 8-bit palette, the same bytes every time."""
    return png.encode(image, palette(spec))


def to_rgb(image: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """A picture from `draw` as uint8 RGB, shape (height, width, 3)."""
    return palette(spec)[image]


@lru_cache(16)  # every picture needs it, and it takes a fifth of the time of its PNG
def palette(spec: ImageSpec) -> np.ndarray:
    """The spec's colours, uint8 of shape (256, 3), white ground."""
    colours = np.full((256, 3), 255.0)
    for index, name in enumerate(spec.lanes):
        ink = np.array(INK[name] if spec.colour else (0, 0, 0))
        share = np.linspace(0, 1, LEVELS)[:, None]
        colours[index * LEVELS : (index + 1) * LEVELS] = 255 + share * (ink - 255)
    colours[GRID_SECOND], colours[GRID_FIVE] = 232, 205
    heat = np.linspace(0, 1, HEAT_LEVELS)[:, None]
    colours[HEAT : HEAT + HEAT_LEVELS] = 255 - 255 * heat
    colours = colours.round().astype(np.uint8)
    colours.flags.writeable = False
    return colours


def _ground(spec: ImageSpec) -> np.ndarray:
    ground = np.zeros((spec.height, spec.width), np.uint8)
    if spec.grid:
        row_s = EPOCH_S / spec.fold
        for second in range(1, int(np.ceil(row_s))):
            column = round(second * spec.width / row_s)
            ground[:, column] = GRID_SECOND if second % 5 else GRID_FIVE
    return ground


def _scale(trace: Trace, spec: ImageSpec, modality: str, onset_s: float) -> tuple[float, float]:
    """The value at a lane's middle and the half-range that its height shows, in µV."""
    if spec.scale == "fixed":
        return 0.0, getattr(spec, f"{modality.lower()}_uv")
    start, stop = (round((onset_s + s) * trace.rate_hz) for s in (0.0, EPOCH_S))
    window = trace.samples_uv[max(0, start) : max(0, stop)]
    if len(window) == 0 or window.max() == window.min():
        return float(window[0]) if len(window) else 0.0, 1.0
    low, high = float(window.min()), float(window.max())
    return (low + high) / 2, (high - low) / 2


def _spectrogram(traces, spec: ImageSpec, onset_s: float, image: np.ndarray) -> None:
    """The first EEG lane's power, 2-s Hann windows every 0.25 s, into the bottom strip."""
    index = next(i for i, name in enumerate(spec.lanes) if LANES[name].modality == "EEG")
    trace = traces[index]
    if trace is None:
        return
    length = round(2 * trace.rate_hz)
    centres = onset_s + np.arange(0.125, EPOCH_S, 0.25)
    starts = np.round((centres - 1) * trace.rate_hz).astype(int)
    at = starts[:, None] + np.arange(length)
    inside = (at >= 0) & (at < len(trace.samples_uv))
    pieces = np.where(inside, trace.samples_uv[at.clip(0, len(trace.samples_uv) - 1)], 0)
    window = np.hanning(length).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(pieces * window, axis=1)) ** 2
    density = 2 * spectrum / (trace.rate_hz * (window**2).sum())
    hz = np.fft.rfftfreq(length, 1 / trace.rate_hz)
    low, high = HEAT_DB
    level = (10 * np.log10(density + 1e-6) - low) / (high - low)
    strip = image.shape[0] - spec.lane_px() * len(spec.lanes)
    want_hz = (np.arange(strip)[::-1] + 0.5) / strip * HEAT_HZ
    columns = ((np.arange(spec.width) + 0.5) / spec.width * len(centres)).astype(int)
    rows = np.stack([np.interp(want_hz, hz, line) for line in level], axis=1)
    heat = (rows.clip(0, 1) * (HEAT_LEVELS - 1)).round().astype(np.uint8) + HEAT
    image[-strip:] = heat[:, columns]
