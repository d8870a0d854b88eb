"""The rasteriser: epochs become images, with one trace in each lane and exact anti-aliasing.

This module decides places, scales and colours; `psgvlm.images.stroke` draws the strokes.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from psgvlm.image_spec import ROBUST_SDS, ImageSpec
from psgvlm.images import png
from psgvlm.montages import MODALITY
from psgvlm.signals.traces import Trace
from psgvlm.stages import EPOCH_S

LEVELS = 16  # shades of a lane's ink; lane k has the palette entries 16 k to 16 k + 15
SHADE, GRID_SECOND, GRID_FIVE = 144, 224, 240  # multiples of 16, so that any ink covers them
HEAT, HEAT_LEVELS = 160, 64  # the spectrogram's palette entries
HEAT_DB = (-10.0, 25.0)  # dB re 1 µV²/Hz
HEAT_HZ = 20.0

# Blues for EEG, greens for the eyes, red for muscle, violet for the heart.
INK = {
    **{"F3-M2": (70, 90, 200), "F4-M1": (60, 120, 210), "C3-M2": (10, 60, 130)},
    **{"C4-M1": (20, 60, 160), "O1-M2": (0, 100, 150), "O2-M1": (0, 120, 170)},
    **{"E1": (0, 120, 60), "E2": (70, 130, 0), "chin": (170, 50, 20), "ECG": (120, 30, 130)},
}


class Line(NamedTuple):
    """One trace in one row of the image, and where and how it is drawn."""

    trace: Trace  # its samples are contiguous
    start_s: float  # the time at the image's left edge, in seconds of the record
    centre_uv: float  # the value that lies at row `middle`
    px_per_uv: float
    middle: float
    top: int  # ink above this row is cut off
    bottom: int  # ink from this row on is cut off
    ink: int  # the palette entry before the lane's lightest ink


def draw(
    traces: list[Trace | None], spec: ImageSpec, onsets_s: Iterable[float]
) -> Iterator[np.ndarray]:
    """Draw the images of epochs.

    A lane without a trace stays empty, and so do times outside the record and samples that are not
    finite. They do not change the rest of the image.

    Parameters
    ----------
    traces : list of Trace or None
        One for each lane of the spec, filtered. A trace may be a part of the record.
    spec : ImageSpec
        How the images are drawn.
    onsets_s : iterable of float
        When the epochs start, in seconds of the record.

    Yields
    ------
    ndarray of uint8, shape (height, width)
        Indices into `palette(spec)`; see `to_rgb` and `to_png`.
    """
    # Importing numba and the compiled code takes most of a second, and `--help` needs neither.
    from psgvlm.images.stroke import stroke

    blank = ground(spec)
    for onset_s, lines in lay_out(traces, spec, onsets_s):
        image = blank.copy()
        if spec.spectrogram:
            add_spectrogram(traces, spec, onset_s, image)
        for line in lines:
            rate_hz = line.trace.rate_hz
            stroke(
                line.trace.samples_uv,
                line.trace.first,
                line.start_s * rate_hz,
                spec.shown_s / spec.fold * rate_hz / spec.width,
                line.centre_uv,
                line.px_per_uv,
                line.middle - line.top,
                spec.line_px,
                line.ink,
                image[line.top : line.bottom],
            )
        yield image


def lay_out(
    traces: list[Trace | None], spec: ImageSpec, onsets_s: Iterable[float]
) -> Iterator[tuple[float, list[Line]]]:
    """Yield the onset of each epoch, and the lines of its image in the order of drawing."""
    height, lanes, row_s = spec.lane_px(), len(spec.lanes), spec.shown_s / spec.fold
    filled = []
    for index, (name, trace) in enumerate(zip(spec.lanes, traces, strict=True)):
        if trace is not None:
            samples = np.ascontiguousarray(trace.samples_uv, np.float32)
            half_uv = spec.half_uv(MODALITY[name])
            if spec.scale == "robust":
                half_uv = trace.half_uv or robust_half_uv(samples) or half_uv
            filled.append((index, replace(trace, samples_uv=samples), half_uv))
    for onset_s in onsets_s:
        lines = []
        for index, trace, half_uv in filled:
            centre_uv, start_s = 0.0, onset_s - spec.context_s
            if spec.scale == "minmax":
                centre_uv, half_uv = _extremes(trace, start_s, start_s + spec.shown_s)
            for row in range(spec.fold):
                top = (row * lanes + index) * height
                middle = top + height / 2
                bottom = top + height
                lines.append(
                    Line(
                        trace,
                        start_s + row * row_s,
                        centre_uv,
                        height / 2 / half_uv,
                        middle,
                        top,
                        bottom,
                        index * LEVELS,
                    )
                )
        yield onset_s, lines


def lane_rows(spec: ImageSpec, lane: str) -> list[slice]:
    """Return the pixel rows of a lane: one slice for each row of a folded image."""
    height, index = spec.lane_px(), spec.lanes.index(lane)
    tops = [(row * len(spec.lanes) + index) * height for row in range(spec.fold)]
    return [slice(top, top + height) for top in tops]


def to_png(image: np.ndarray, spec: ImageSpec) -> bytes:
    """Encode an image from `draw` as an 8-bit palette PNG; the same image gives the same bytes."""
    return png.encode(image, palette(spec))


def to_rgb(image: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """Return an image from `draw` as RGB, uint8 of shape (height, width, 3)."""
    # Every uint8 is an index of the palette. To skip the check with `clip` is four times as fast.
    return np.take(palette(spec), image, axis=0, mode="clip")


@lru_cache(16)  # every image needs it, and making it takes a fifth of the time of the PNG
def palette(spec: ImageSpec) -> np.ndarray:
    """Return the RGB colours of the palette entries, read-only uint8 of shape (256, 3).

    The lanes come first, `LEVELS` entries each, from the ground to their full ink. The shade of the
    context, the grid and the spectrogram have entries of their own.
    """
    colours = np.full((256, 3), 255.0)  # white, where nothing is drawn
    for index, name in enumerate(spec.lanes):
        ink = np.array(INK[name] if spec.colour else (0, 0, 0), float)
        share = np.linspace(0, 1, LEVELS)[:, None]
        colours[index * LEVELS : (index + 1) * LEVELS] = 255 + share * (ink - 255)
    for entry, shade in ((GRID_SECOND, 23), (GRID_FIVE, 50), (SHADE, 12)):
        colours[entry] = 255 - shade
    heat = np.linspace(0, 1, HEAT_LEVELS)[:, None]
    colours[HEAT : HEAT + HEAT_LEVELS] = 255 - heat * 255
    colours = colours.round().astype(np.uint8)
    colours.flags.writeable = False
    return colours


def ground(spec: ImageSpec) -> np.ndarray:
    """Return the image without traces, as uint8 palette indices of shape (height, width).

    Context is shaded. There is a line every second, and a stronger one every 5 s.
    """
    image = np.zeros((spec.height, spec.width), np.uint8)
    row_s, row_px = spec.shown_s / spec.fold, spec.lane_px() * len(spec.lanes)
    for row in range(spec.fold):
        bottom = None if row == spec.fold - 1 else (row + 1) * row_px
        band = image[row * row_px : bottom]
        start_s = row * row_s - spec.context_s  # the epoch starts at 0
        middle_s = start_s + (np.arange(spec.width) + 0.5) * row_s / spec.width
        band[:, (middle_s < 0) | (middle_s >= EPOCH_S)] = SHADE
        if spec.grid:
            for second in range(int(np.floor(start_s)) + 1, int(np.ceil(start_s + row_s))):
                column = round((second - start_s) * spec.width / row_s)
                if column < spec.width:
                    band[:, column] = GRID_SECOND if second % 5 else GRID_FIVE
    return image


@lru_cache(8)
def blank_image(spec: ImageSpec) -> np.ndarray:
    """Return the image without traces as read-only RGB, uint8 of shape (height, width, 3)."""
    image = to_rgb(ground(spec), spec)
    image.flags.writeable = False
    return image


def _extremes(trace: Trace, start_s: float, stop_s: float) -> tuple[float, float]:
    """Return the middle between the extremes of a time span, and half their distance, in µV."""
    start = round(start_s * trace.rate_hz) - trace.first
    stop = round(stop_s * trace.rate_hz) - trace.first
    window = trace.samples_uv[max(0, start) : max(0, stop)]
    low, high = window.min(initial=np.inf), window.max(initial=-np.inf)
    if not (np.isfinite(low) and np.isfinite(high)):
        window = window[np.isfinite(window)]
        low, high = (window.min(), window.max()) if len(window) else (0.0, 0.0)
    low, high = float(low), float(high)
    return (low + high) / 2, (high - low) / 2 or 1.0


def robust_half_uv(samples: np.ndarray) -> float:
    """Return half the height of a lane in µV for `scale="robust"`, from the whole record.

    Outliers hardly change it. It is 0 if no sample is finite, or most are 0.
    """
    some = samples[:: robust_step(len(samples))]
    some = np.abs(some[np.isfinite(some)], dtype=float)
    return ROBUST_SDS * 1.4826 * float(np.median(some)) if len(some) else 0.0


def robust_step(n_samples: int) -> int:
    """Return the distance of the samples that `robust_half_uv` uses of a record."""
    return max(1, n_samples // 1_000_000)


def add_spectrogram(
    traces: list[Trace | None], spec: ImageSpec, onset_s: float, image: np.ndarray
) -> None:
    """Draw the power of the first EEG lane into the strip at the bottom of the image, in place.

    The power is that of 2-s Hann windows every 0.25 s.
    """
    index = next(i for i, name in enumerate(spec.lanes) if MODALITY[name] == "EEG")
    trace = traces[index]
    if trace is None or len(trace.samples_uv) == 0:
        return
    length = max(3, round(2 * trace.rate_hz))
    centres = onset_s - spec.context_s + np.arange(0.125, spec.shown_s, 0.25)
    starts = np.round((centres - 1) * trace.rate_hz).astype(int) - trace.first
    at = starts[:, None] + np.arange(length)
    inside = (at >= 0) & (at < len(trace.samples_uv))
    pieces = trace.samples_uv[at.clip(0, len(trace.samples_uv) - 1)]
    pieces = np.where(inside & (abs(pieces) < 1e9), pieces, 0)  # NaN and infinities count as 0
    window = np.hanning(length).astype(np.float32)
    strip = image.shape[0] - spec.lane_px() * len(spec.lanes)
    want_hz = (np.arange(strip)[::-1] + 0.5) / strip * HEAT_HZ
    position = want_hz * length / trace.rate_hz  # in bins of the spectrum
    below = position.astype(int).clip(max=length // 2 - 1)
    share = (position - below).clip(0, 1).astype(np.float32)
    spectrum = np.abs(np.fft.rfft(pieces * window, axis=1)[:, : below.max() + 2]) ** 2
    density = 2 * spectrum / (trace.rate_hz * (window**2).sum())
    low, high = HEAT_DB
    level = (10 * np.log10(density + 1e-6) - low) / (high - low)
    rows = level[:, below] * (1 - share) + level[:, below + 1] * share
    rows[:, want_hz > trace.rate_hz / 2] = 0
    heat = (rows.clip(0, 1) * (HEAT_LEVELS - 1)).round().astype(np.uint8) + HEAT
    columns = ((np.arange(spec.width) + 0.5) / spec.width * len(centres)).astype(int)
    image[-strip:] = heat.T[:, columns]
