"""How much of the signal an image keeps: waveforms are read back from the pixels and compared.

    python -m psgvlm.images.fidelity

This command draws a synthetic signal in every preset, recovers the waveforms from the RGB images
alone, and prints how well they agree with the signal and how many tokens an image costs. `measure`
does the same with your own signals.
"""

from dataclasses import dataclass

import numpy as np

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS, ImageSpec
from psgvlm.images import raster
from psgvlm.images.image_tokens import token_table
from psgvlm.montages import MODALITY
from psgvlm.signals.traces import Trace
from psgvlm.stages import EPOCH_S

WAVES_HZ = (0.3, 16.0)  # delta to sigma, the waves by which stages are told apart
SPINDLES_HZ = (11.0, 16.0)
TEST_RATE_HZ = 256.0
TEST_EPOCHS = 6
TONES_HZ = np.arange(1.0, 40.5, 0.5)


@dataclass(frozen=True)
class Fidelity:
    """How much of the lanes of one modality the images of a spec keep.

    Correlations are Pearson's, between what the image shows and the signal that was drawn. Those of
    waveforms are means over epochs.

    Attributes
    ----------
    modality : str
        EEG, EOG, EMG or ECG.
    px_per_s : float
        Pixel columns for each second.
    highest_tone_hz : float
        Up to this frequency, every tone is read back at its own frequency.
    uv_per_px : float or None
        µV for each pixel row. None if the scale depends on the recording.
    waves : float or None
        The correlation of the waveforms in 0.3-16 Hz. None for EMG and ECG.
    spindles : float or None
        The correlation of the waveforms in 11-16 Hz. None for EMG and ECG.
    full_band : float
        The correlation of the waveforms in all frequencies below half of `px_per_s`.
    rms : float or None
        The correlation of the RMS of each second. None for ECG.
    """

    modality: str
    px_per_s: float
    highest_tone_hz: float
    uv_per_px: float | None
    waves: float | None
    spindles: float | None
    full_band: float
    rms: float | None


def fidelity(spec: ImageSpec) -> list[Fidelity]:
    """Return how much of a synthetic signal the images of a spec keep, by modality."""
    traces = [synthetic_trace(MODALITY[name], spec, seed) for seed, name in enumerate(spec.lanes)]
    return measure(traces, spec, spec.context_s + EPOCH_S * np.arange(TEST_EPOCHS))


def measure(traces: list[Trace | None], spec: ImageSpec, onsets_s) -> list[Fidelity]:
    """Draw epochs, read the traces back from the images, and compare both.

    Parameters
    ----------
    traces : list of Trace or None
        One for each lane of the spec. Samples that are not finite count as 0.
    spec : ImageSpec
        How the images are drawn.
    onsets_s : sequence of float
        When the epochs start, in seconds of the record.

    Returns
    -------
    list of Fidelity
        One for each modality among the traces.

    Raises
    ------
    InputError
        If an epoch and its context do not lie within every trace.
    """
    onsets_s = [float(onset_s) for onset_s in onsets_s]
    waveforms: dict[str, list] = {}
    seconds: dict[str, list] = {}
    for onset_s, image in zip(onsets_s, raster.draw(traces, spec, onsets_s), strict=True):
        centres, heights = recover(raster.to_rgb(image, spec), spec)
        for index, (name, trace) in enumerate(zip(spec.lanes, traces, strict=True)):
            if trace is not None:
                modality = MODALITY[name]
                correlations, rms = _compare(trace, spec, onset_s, centres[index], heights[index])
                waveforms.setdefault(modality, []).append(correlations)
                seconds.setdefault(modality, []).append(rms)
    tone_hz = highest_tone_hz(spec)
    rows = []
    for modality, correlations in waveforms.items():
        waves, spindles, full_band = map(float, np.mean(correlations, axis=0))
        slow = modality in ("EEG", "EOG")
        half_uv = spec.half_uv(modality)
        rows.append(
            Fidelity(
                modality,
                spec.width * spec.fold / spec.shown_s,
                tone_hz,
                2 * half_uv / spec.lane_px() if spec.scale == "fixed" else None,
                waves if slow else None,
                spindles if slow else None,
                full_band,
                None if modality == "ECG" else correlation(*np.hstack(seconds[modality])),
            )
        )
    return rows


def recover(image: np.ndarray, spec: ImageSpec) -> tuple[np.ndarray, np.ndarray]:
    """Read the traces back from an RGB image.

    Parameters
    ----------
    image : ndarray of uint8, shape (height, width, 3)
        An image of this spec.
    spec : ImageSpec
        How the image was drawn.

    Returns
    -------
    centres : ndarray of float, shape (lanes, columns)
        Where the middle of the ink lies in each column, upwards from the middle of the lane. The
        unit is half the height of a lane; columns without ink are NaN. The columns of a folded
        image follow one another in time.
    heights : ndarray of float, shape (lanes, columns)
        The RMS distance of the ink from the middle of the lane, in the same unit.
    """
    colours = raster.palette(spec).astype(np.int64) @ (65536, 256, 1)
    pixels = image.astype(np.int64) @ (65536, 256, 1)
    height, lanes = spec.lane_px(), len(spec.lanes)
    up = 1 - (np.arange(height) + 0.5) * 2 / height
    centres = np.empty((lanes, spec.fold, spec.width))
    heights = np.empty_like(centres)
    for index in range(lanes):
        own = colours[index * raster.LEVELS : (index + 1) * raster.LEVELS]
        order = np.argsort(own)
        for row in range(spec.fold):
            top = (row * lanes + index) * height
            lane = pixels[top : top + height]
            level = order[np.searchsorted(own, lane, sorter=order).clip(max=len(own) - 1)]
            ink = np.where(own[level] == lane, level, 0)
            with np.errstate(invalid="ignore"):
                centres[index, row] = up @ ink / ink.sum(0)
                heights[index, row] = np.sqrt(up**2 @ ink / ink.sum(0))
    return centres.reshape(lanes, -1), heights.reshape(lanes, -1)


def highest_tone_hz(spec: ImageSpec) -> float:
    """Return up to which frequency every tone is read back at its own frequency.

    The tones are 0.5 Hz apart and half as tall as their lane. A tone counts as read back if the
    strongest frequency in the image is less than 0.25 Hz away from it.
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


def synthetic_trace(modality: str, spec: ImageSpec, seed: int) -> Trace:
    """Return three minutes of a synthetic signal, and the context around, in the spec's band.

    EEG and EOG are noise whose amplitude falls as 1/f. Its RMS is 8, 16 and 32 µV in turn, one
    epoch each, which covers quiet wake to deep sleep. EMG is white noise whose RMS varies between 2
    and 20 µV. ECG is a series of beats.
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
    """Return the part of the samples between two frequencies, with sharp edges."""
    spectrum = np.fft.rfft(samples)
    hz = np.fft.rfftfreq(len(samples), 1 / rate_hz)
    spectrum[(hz < band_hz[0]) | (hz > band_hz[1])] = 0
    return np.fft.irfft(spectrum, len(samples))


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Return Pearson's correlation, or 0 if one of the two is constant."""
    a, b = a - a.mean(), b - b.mean()
    size = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / size) if size else 0.0


def _compare(trace: Trace, spec: ImageSpec, onset_s: float, centre, height):
    """Compare one lane of one image with its trace.

    Return the correlations in three bands, and the RMS of ink and trace for each second, shape
    (2, seconds).
    """
    start_s = onset_s - spec.context_s
    px_per_s = spec.width * spec.fold / spec.shown_s
    column_s = start_s + (np.arange(len(centre)) + 0.5) / px_per_s
    stop_s = start_s + spec.shown_s
    if start_s < 0 or stop_s > len(trace.samples_uv) / trace.rate_hz:
        raise InputError(
            f"the image of an epoch shows {start_s:g} to {stop_s:g} s; expected times within a "
            f"record of {len(trace.samples_uv) / trace.rate_hz:g} s"
        )
    # The sharp filter rings at both ends of what it is given, so it gets 15 s more on each side.
    first = max(0, round((start_s - 15) * trace.rate_hz))
    samples = trace.samples_uv[first : round((stop_s + 15) * trace.rate_hz)]
    samples = np.nan_to_num(samples, posinf=0.0, neginf=0.0)
    sample_s = (first + np.arange(len(samples))) / trace.rate_hz
    drawn = (sample_s >= start_s) & (sample_s < stop_s)
    centre, height = _sharpened(np.nan_to_num(centre), spec), np.nan_to_num(height)
    correlations = []
    for band_hz in (WAVES_HZ, SPINDLES_HZ, (0.0, trace.rate_hz)):
        original = np.interp(column_s, sample_s, band_limited(samples, trace.rate_hz, band_hz))
        correlations.append(correlation(band_limited(centre, px_per_s, band_hz), original))
    ink_rms, rms = (
        np.sqrt(np.bincount(s, x**2) / np.bincount(s))
        for s, x in (
            ((column_s - start_s).astype(int), height),
            ((sample_s[drawn] - start_s).astype(int), samples[drawn]),
        )
    )
    return correlations, np.stack((ink_rms, rms))


def _sharpened(centre: np.ndarray, spec: ImageSpec) -> np.ndarray:
    """Return the centres of the columns without the blur from the widths of pixels and pen."""
    cycles_per_px = np.fft.rfftfreq(len(centre))
    blur = np.sinc(cycles_per_px) * np.sinc(cycles_per_px * spec.line_px)
    return np.fft.irfft(np.fft.rfft(centre) / blur.clip(0.2), len(centre))


def fidelity_table(specs) -> str:
    """Return a Markdown table of how much of the signal the images of the specs keep."""
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
                _text(row.full_band, 2),
                _text(row.rms, 2),
            )
            lines.append(
                f"| `{spec.name}` | {row.modality} | {row.px_per_s:.1f} "
                f"| {row.highest_tone_hz:.1f} Hz | " + " | ".join(numbers) + " |"
            )
    return "\n".join(lines)


def _text(number: float | None, digits: int) -> str:
    return "-" if number is None else f"{number:.{digits}f}"


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(
        prog="python -m psgvlm.images.fidelity",
        description="Print how much of a signal the images keep and how many tokens they cost.",
    )
    parser.add_argument(
        "--image",
        choices=PRESETS,
        action="append",
        help="a preset; can be given again; default: all presets",
    )
    specs = [PRESETS[name] for name in parser.parse_args().image or PRESETS]
    print(fidelity_table(specs), token_table(specs), sep="\n\n")


if __name__ == "__main__":
    main()
