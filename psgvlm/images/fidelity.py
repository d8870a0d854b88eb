"""How much of the signal is in the picture: it is read back from the pixels and compared.

    python -m psgvlm.images.fidelity

draws a test signal in every preset, recovers the waveforms from the RGB pictures alone, and prints
what survived and how many tokens a picture costs. `measure` does the same with signals of yours.
"""

from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.images import raster
from psgvlm.images.image_tokens import FAMILIES, image_tokens
from psgvlm.montages import MODALITY
from psgvlm.signals.traces import Trace
from psgvlm.stages import EPOCH_S

WAVES_HZ = (0.3, 16.0)  # delta to sigma: what stages are told by
SPINDLES_HZ = (11.0, 16.0)
TEST_RATE_HZ = 256.0
TEST_EPOCHS = 6
TONES_HZ = np.arange(1.0, 40.5, 0.5)


@dataclass(frozen=True)
class Fidelity:
    """What a spec's pictures keep of the lanes of one modality. Correlations are with what was
    drawn; those of waveforms are means over epochs."""

    modality: str
    px_per_s: float
    tones_hz: float  # up to here, every tone is found at its own frequency
    uv_per_px: float | None  # None where the scale is not the same in every recording
    waves: float | None  # correlation of 0.3-16 Hz; None for muscle and heart
    spindles: float | None  # correlation of 11-16 Hz
    full: float  # correlation of the whole band, as far as the columns' rate goes
    loudness: float | None  # correlation of the RMS of every second; None for the heart


def fidelity(spec: ImageSpec) -> list[Fidelity]:
    """What the pictures of a spec keep of the test signal, a row for each modality it shows."""
    traces = [synthetic(MODALITY[name], spec, seed) for seed, name in enumerate(spec.lanes)]
    return measure(traces, spec, spec.context_s + EPOCH_S * np.arange(TEST_EPOCHS))


def measure(traces: list[Trace | None], spec: ImageSpec, onsets_s) -> list[Fidelity]:
    """Draw the epochs that start at `onsets_s`, read them back, and compare with the traces.

    Samples that are not finite count as 0. Raises `InputError` for an epoch that does not lie, with
    its context, within every trace.
    """
    onsets_s = [float(onset_s) for onset_s in onsets_s]
    waveforms: dict[str, list] = {}
    seconds: dict[str, list] = {}
    for onset_s, image in zip(onsets_s, raster.draw(traces, spec, onsets_s), strict=True):
        centres, heights = recover(raster.to_rgb(image, spec), spec)
        for index, (name, trace) in enumerate(zip(spec.lanes, traces, strict=True)):
            if trace is not None:
                modality = MODALITY[name]
                agree, rms = _compare(trace, spec, onset_s, centres[index], heights[index])
                waveforms.setdefault(modality, []).append(agree)
                seconds.setdefault(modality, []).append(rms)
    tones_hz = highest_tone_hz(spec)
    found = []
    for modality, agree in waveforms.items():
        waves, spindles, full = map(float, np.mean(agree, axis=0))
        slow = modality in ("EEG", "EOG")
        half_uv = spec.half_uv(modality)
        found.append(
            Fidelity(
                modality,
                spec.width * spec.fold / spec.shown_s,
                tones_hz,
                2 * half_uv / spec.lane_px() if spec.scale == "fixed" else None,
                waves if slow else None,
                spindles if slow else None,
                full,
                None if modality == "ECG" else correlation(*np.hstack(seconds[modality])),
            )
        )
    return found


def recover(picture: np.ndarray, spec: ImageSpec) -> tuple[np.ndarray, np.ndarray]:
    """Read the traces back from an RGB picture of this spec, uint8 (height, width, 3).

    Returns two arrays of shape (lanes, columns), the columns of folded rows one after the other:
    where the ink's middle lies, and its RMS distance from the lane's middle; both in half lanes,
    upwards, NaN where there is no ink. Ink outside its own lane is not looked for.
    """
    colours = raster.palette(spec).astype(np.int64) @ (65536, 256, 1)
    seen = picture.astype(np.int64) @ (65536, 256, 1)
    height, lanes = spec.lane_px(), len(spec.lanes)
    up = 1 - (np.arange(height) + 0.5) * 2 / height
    centres = np.empty((lanes, spec.fold, spec.width))
    heights = np.empty_like(centres)
    for index in range(lanes):
        own = colours[index * raster.LEVELS : (index + 1) * raster.LEVELS]
        order = np.argsort(own)
        for row in range(spec.fold):
            top = (row * lanes + index) * height
            lane = seen[top : top + height]
            level = order[np.searchsorted(own, lane, sorter=order).clip(max=len(own) - 1)]
            ink = np.where(own[level] == lane, level, 0)
            with np.errstate(invalid="ignore"):
                centres[index, row] = up @ ink / ink.sum(0)
                heights[index, row] = np.sqrt(up**2 @ ink / ink.sum(0))
    return centres.reshape(lanes, -1), heights.reshape(lanes, -1)


def highest_tone_hz(spec: ImageSpec) -> float:
    """Up to which frequency every tone is found at its own in the picture, in steps of 0.5 Hz.

    A tone is half as tall as its lane. It counts as found when the strongest frequency of what is
    read back is less than 0.25 Hz away.
    """
    modality = MODALITY[spec.lanes[0]]
    half_uv = spec.half_uv(modality)
    at_s = np.arange(round(spec.shown_s * TEST_RATE_HZ)) / TEST_RATE_HZ
    px_per_s = spec.width * spec.fold / spec.shown_s
    highest = 0.0
    for tone_hz in TONES_HZ[px_per_s / 2 > TONES_HZ]:
        samples = (half_uv / 2 * np.sin(2 * np.pi * tone_hz * at_s)).astype(np.float32)
        traces = [Trace(samples, TEST_RATE_HZ)] + [None] * (len(spec.lanes) - 1)
        (image,) = raster.draw(traces, spec, [spec.context_s])
        centre = np.nan_to_num(recover(raster.to_rgb(image, spec), spec)[0][0])
        power = np.abs(np.fft.rfft((centre - centre.mean()) * np.hanning(len(centre))))
        if abs(np.argmax(power) * px_per_s / len(centre) - tone_hz) >= 0.25:
            break
        highest = float(tone_hz)
    return highest


def synthetic(modality: str, spec: ImageSpec, seed: int) -> Trace:
    """Three minutes, and the context around, in the spec's band: the test signal.

    EEG and EOG: noise with an amplitude of 1/f, RMS 8, 16 and 32 µV for an epoch each, as tall as
    quiet wake and deep sleep. EMG: white noise whose RMS wanders between 2 and 20 µV. ECG: beats.
    """
    rng = np.random.default_rng(seed)
    seconds = TEST_EPOCHS * EPOCH_S + 2 * spec.context_s
    at_s = np.arange(round(seconds * TEST_RATE_HZ)) / TEST_RATE_HZ
    samples = rng.normal(size=len(at_s))
    if modality == "ECG":
        beats_s = np.cumsum(rng.normal(1.0, 0.05, int(1.2 * seconds)))
        after_s = at_s - beats_s[np.searchsorted(beats_s, at_s + 0.3).clip(1) - 1]
        samples = 900 * np.exp(-((after_s / 0.012) ** 2))
        samples += 250 * np.exp(-(((after_s - 0.27) / 0.06) ** 2))
    elif modality == "EMG":
        knots_s = np.arange(0, seconds + 2, 2)
        levels = rng.uniform(np.log(2), np.log(20), len(knots_s))
        samples *= np.exp(np.interp(at_s, knots_s, levels))
    else:
        hz = np.fft.rfftfreq(len(at_s), 1 / TEST_RATE_HZ)
        samples = np.fft.irfft(np.fft.rfft(samples) / np.maximum(hz, 0.5), len(at_s))
        samples = band_limited(samples, TEST_RATE_HZ, (0.3, 35.0))
        epoch = (at_s // EPOCH_S).astype(int)
        samples *= np.array([8.0, 16.0, 32.0])[epoch % 3] / samples.std()
    band_hz = spec.band_hz(modality)
    return Trace(band_limited(samples, TEST_RATE_HZ, band_hz).astype(np.float32), TEST_RATE_HZ)


def band_limited(samples: np.ndarray, rate_hz: float, band_hz: tuple[float, float]) -> np.ndarray:
    """The samples' part between two frequencies, cut off sharply."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    spectrum[(hz < band_hz[0]) | (hz > band_hz[1])] = 0
    return np.fft.irfft(spectrum, len(samples))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's; 0 where one of them does not move."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size else 0.0


def _compare(trace: Trace, spec: ImageSpec, onset_s: float, centre, height):
    """One lane of one picture: three correlations, and the RMS of ink and trace by the second."""
    start_s = onset_s - spec.context_s
    px_per_s = spec.width * spec.fold / spec.shown_s
    column_s = start_s + (np.arange(len(centre)) + 0.5) / px_per_s
    stop_s = start_s + spec.shown_s
    if start_s < 0 or stop_s > len(trace.samples_uv) / trace.rate_hz:
        raise InputError(
            f"an epoch shown from {start_s:g} to {stop_s:g} s; expected it to lie within a record "
            f"of {len(trace.samples_uv) / trace.rate_hz:g} s"
        )
    # Half an epoch on either side keeps the ends of the sharp cut out of sight.
    first = max(0, round((start_s - 15) * trace.rate_hz))
    samples = trace.samples_uv[first : round((stop_s + 15) * trace.rate_hz)]
    samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
    sample_s = (first + np.arange(len(samples))) / trace.rate_hz
    drawn = (sample_s >= start_s) & (sample_s < stop_s)
    centre, height = _sharpened(np.nan_to_num(centre), spec), np.nan_to_num(height)
    agree = []
    for band_hz in (WAVES_HZ, SPINDLES_HZ, (0.0, trace.rate_hz)):
        original = np.interp(column_s, sample_s, band_limited(samples, trace.rate_hz, band_hz))
        agree.append(correlation(band_limited(centre, px_per_s, band_hz), original))
    ink_rms, rms = (
        np.sqrt(np.bincount(s, x**2) / np.bincount(s))
        for s, x in (
            ((column_s - start_s).astype(int), height),
            ((sample_s[drawn] - start_s).astype(int), samples[drawn]),
        )
    )
    return agree, np.stack((ink_rms, rms))


def _sharpened(centre: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """What columns read back, with the blur undone that a pixel's and the pen's width are."""
    cycles_per_px = np.fft.rfftfreq(len(centre))
    blur = np.sinc(cycles_per_px) * np.sinc(cycles_per_px * spec.line_px)
    return np.fft.irfft(np.fft.rfft(centre) / blur.clip(0.2), len(centre))


def fidelity_table(specs) -> str:
    """What pictures of these specs keep, as a table in Markdown."""
    lines = [
        "| image | lanes | px/s | tones to | µV/px | 0.3-16 Hz | 11-16 Hz | all | RMS |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for spec in specs:
        for row in fidelity(spec):
            numbers = (
                _text(row.uv_per_px, 1),
                _text(row.waves, 3),
                _text(row.spindles, 2),
                _text(row.full, 2),
                _text(row.loudness, 2),
            )
            lines.append(
                f"| `{spec.name}` | {row.modality} | {row.px_per_s:.1f} | {row.tones_hz:.1f} Hz | "
                + " | ".join(numbers)
                + " |"
            )
    return "\n".join(lines)


def _text(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:.{digits}f}"


def token_table(specs) -> str:
    """How many image tokens each family of models makes of these specs' pictures, in Markdown."""
    lines = ["| image | " + " | ".join(FAMILIES) + " |", "|---|" + "---:|" * len(FAMILIES)]
    for spec in specs:
        counts = image_tokens(spec.width, spec.height).values()
        lines.append(f"| `{spec.name}` | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m psgvlm.images.fidelity",
        description="How much of the signal is in the pictures, and how many tokens they cost.",
    )
    parser.add_argument("--image", choices=PRESETS, action="append", help="all where not given")
    specs = [PRESETS[name] for name in parser.parse_args().image or PRESETS]
    print(fidelity_table(specs), token_table(specs), sep="\n\n")


if __name__ == "__main__":
    main()
