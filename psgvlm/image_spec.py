"""The spec of the images: how they are drawn and what the model is asked about them."""

import json
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.montages import MODALITIES, MONTAGES
from psgvlm.stages import EPOCH_S

FILE_NAME = "image_spec.json"
PAPER_PROMPT = "Classify the PSG. Choose from: W, N1, N2, N3, REM."
ROBUST_SDS = 5.0  # shows about as much of an EEG as the fixed scale does
PROMPT = "Which sleep stage does this 30-s epoch show? Choose from: W, N1, N2, N3, R."
SCALES = ("fixed", "minmax", "robust")
MAINS = ("auto", "50", "60", "off")


@dataclass(frozen=True)
class ImageSpec:
    """How an epoch is drawn, and what the model is asked about it.

    A spec is saved beside every corpus and every adapter as `image_spec.json`, so that a model is
    always shown the kind of images that it was trained on.

    Parameters
    ----------
    name : str
        The name of a preset, or the text that `parse` read.
    montage : str
        Which lanes are drawn, from the top: a key of `psgvlm.montages.MONTAGES`.
    width, height : int
        The size of the image in pixels, each 16 to 4096.
    fold : int
        How many rows the time shown is cut into, one below the other, 1 to 6.
    scale : str
        What half the height of a lane stands for: `"fixed"`, the lane's `*_uv`; `"minmax"`, the
        extremes of what is shown; `"robust"`, `ROBUST_SDS` standard deviations of the whole record
        without outliers, for signals whose gain cannot be trusted. What is taller than its lane is
        cut off.
    eeg_uv, eog_uv, emg_uv, ecg_uv : float
        Half the height of a lane of each modality in µV, for `scale="fixed"`.
    eeg_hz, eog_hz, emg_hz, ecg_hz : tuple of float
        The edges of the band-pass filter of each modality in Hz.
    mains : str
        The mains hum that a notch filter removes: `"50"` or `"60"` Hz, `"off"`, or `"auto"`, which
        looks for it in the spectrum of each lane.
    context_s : float
        How many seconds are shown before and after the epoch in the same image, on a shaded
        ground, 0 to 120.
    line_px : float
        The width of the traces in pixels, 0.5 to 8.
    grid : bool
        Whether there is a vertical line every second, and a stronger one every 5 s.
    colour : bool
        Whether each lane has a colour of its own; otherwise all traces are black.
    spectrogram : float
        The share of the height, under 0.8, for a 0-20 Hz spectrogram of the first EEG lane at the
        bottom; 0 for none.
    prompt : str
        The question that the model answers with a stage.
    drawing : int
        The version of the drawing code. It is raised whenever the same signal comes out as other
        pixels.

    Raises
    ------
    InputError
        If a value is outside its range.

    Examples
    --------
    >>> spec = ImageSpec.parse("folded,fold=2,line_px=1")
    >>> spec.size, spec.lanes, spec.shown_s
    ((336, 336), ('C4-M1', 'E1', 'E2', 'chin'), 30.0)
    >>> spec.differences(ImageSpec.parse("folded"))
    'fold 2 against 3, line_px 1.0 against 1.5'
    """

    name: str
    montage: str
    width: int
    height: int
    fold: int = 1
    scale: str = "fixed"
    eeg_uv: float = 75.0
    eog_uv: float = 100.0
    emg_uv: float = 40.0
    ecg_uv: float = 1000.0
    eeg_hz: tuple[float, float] = (0.3, 35.0)
    eog_hz: tuple[float, float] = (0.3, 35.0)
    emg_hz: tuple[float, float] = (10.0, 100.0)
    ecg_hz: tuple[float, float] = (0.3, 70.0)
    mains: str = "auto"
    context_s: float = 0.0
    line_px: float = 1.5
    grid: bool = True
    colour: bool = True
    spectrogram: float = 0.0
    prompt: str = PROMPT
    drawing: int = 3

    def __post_init__(self) -> None:
        lanes = len(MONTAGES.get(self.montage, ()))
        bands = [self.band_hz(modality) for modality in MODALITIES]
        scales = [self.half_uv(modality) for modality in MODALITIES]
        checks = {
            f"montage is one of {', '.join(MONTAGES)}": self.montage in MONTAGES,
            "width and height are 16 to 4096": all(16 <= n <= 4096 for n in self.size),
            "fold is 1 to 6": 1 <= self.fold <= 6,
            f"scale is one of {', '.join(SCALES)}": self.scale in SCALES,
            f"mains is one of {', '.join(MAINS)}": self.mains in MAINS,
            "context_s is 0 to 120": 0 <= self.context_s <= 120,
            "half lane heights are positive": all(0 < uv < 1e6 for uv in scales),
            "bands rise, within 0 and 500 Hz": all(0 < lo < hi <= 500 for lo, hi in bands),
            "line_px is 0.5 to 8": 0.5 <= self.line_px <= 8,
            "spectrogram is a share under 0.8": 0 <= self.spectrogram < 0.8,
            "a spectrogram is not folded": not (self.spectrogram and self.fold > 1),
            "every lane has 8 pixel rows or more": lanes == 0 or self.lane_px(lanes) >= 8,
            "the prompt has 1 to 2000 characters": 1 <= len(self.prompt) <= 2000,
        }
        wrong = [text for text, holds in checks.items() if not holds]
        if wrong:
            raise InputError(f"image spec {self.name!r} cannot be drawn; expected: {wrong[0]}")

    def half_uv(self, modality: str) -> float:
        """Return half the height of a lane of this modality in µV, for `scale="fixed"`."""
        return getattr(self, f"{modality.lower()}_uv")

    def band_hz(self, modality: str) -> tuple[float, float]:
        """Return the edges in Hz of the band-pass filter for lanes of this modality."""
        return getattr(self, f"{modality.lower()}_hz")

    @property
    def size(self) -> tuple[int, int]:
        """The width and height in pixels."""
        return self.width, self.height

    @property
    def lanes(self) -> tuple[str, ...]:
        """The names of the lanes, from the top."""
        return MONTAGES[self.montage]

    @property
    def shown_s(self) -> float:
        """How many seconds the image shows: the epoch, and the context on both sides."""
        return EPOCH_S + 2 * self.context_s

    def lane_px(self, lanes: int | None = None) -> int:
        """Return the height of one lane in pixels.

        Rows that the division leaves over stay empty at the bottom of the image.
        """
        traces = self.height - round(self.height * self.spectrogram)
        return traces // (self.fold * (lanes or len(self.lanes)))

    def differences(self, other: "ImageSpec") -> str:
        """Return which fields differ from another spec, as text; the name does not count."""
        pairs = ((f.name, getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return ", ".join(
            f"{name} {mine!r} against {theirs!r}"
            for name, mine, theirs in pairs
            if mine != theirs and name != "name"
        )

    def save(self, folder: str | Path) -> Path:
        """Write `image_spec.json` into a folder and return its path."""
        text = json.dumps(asdict(self), indent=2, ensure_ascii=False)
        return files.write_text(Path(folder) / FILE_NAME, text + "\n")

    @classmethod
    def load(cls, path: str | Path) -> "ImageSpec":
        """Read an `image_spec.json`.

        Raises
        ------
        InputError
            If the file cannot be read, or has unknown or missing fields or wrong types.
        """
        path = Path(path)
        try:
            values = files.read_json(path)
        except (OSError, ValueError) as error:
            raise InputError(f"{path}: cannot be read as an image spec ({error})") from error
        expected = {field.name: field for field in fields(cls)}
        if not isinstance(values, dict):
            raise InputError(f"{path}: holds a {type(values).__name__}; expected an image spec")
        if wrong := sorted(set(values) ^ set(expected)):
            raise InputError(
                f"{path}: not an image spec of this version of psgvlm; unknown or missing fields: "
                f"{', '.join(wrong)}; draw the corpus and train the adapter with the same version"
            )
        for name, field in expected.items():
            values[name] = _checked(path, name, values[name], field.type)
        return cls(**values)

    @classmethod
    def parse(cls, text: str) -> "ImageSpec":
        """Return the spec that a text names.

        Parameters
        ----------
        text : str
            The name of a preset (`"wide"`), a preset with changed fields
            (`"folded,fold=2,line_px=1"`), or the path of an `image_spec.json`.

        Raises
        ------
        InputError
            If the text is none of these.
        """
        if text.endswith(".json"):
            return cls.load(text)
        preset, *changes = text.split(",")
        if preset not in PRESETS:
            raise InputError(
                f"image {preset!r}: no such preset; expected one of {', '.join(PRESETS)}, one with "
                f"changed fields (folded,fold=2,line_px=1), or the path of an {FILE_NAME}"
            )
        values: dict[str, Any] = dict(_parse_change(text, change) for change in changes)
        return replace(PRESETS[preset], name=text, **values)


def _parse_change(text: str, change: str) -> tuple[str, object]:
    """Return the field's name and the value of a change such as `fold=2`."""
    known = {field.name: field.type for field in fields(ImageSpec) if field.name != "name"}
    name, _, value = change.partition("=")
    if name not in known:
        raise InputError(
            f"image {text!r}: no field {name!r}; expected FIELD=VALUE with one of "
            f"{', '.join(known)}"
        )
    if known[name] is str:  # texts are written without quotes
        return name, value
    try:
        number = json.loads(value)
    except json.JSONDecodeError as error:
        raise InputError(
            f"image {text!r}: field {name} is {value!r}; expected a number, true or false"
        ) from error
    return name, _checked(Path(text), name, number, known[name])


def _checked(path: Path, name: str, value: Any, kind: object) -> Any:
    """Return a JSON value as the field's type, or raise InputError with the field's name."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if kind is float and number:
        return float(value)
    if kind == tuple[float, float] and isinstance(value, list) and len(value) == 2:
        return tuple(_checked(path, name, edge, float) for edge in value)
    if kind in (int, str, bool) and type(value) is kind:
        return value
    raise InputError(f"{path}: field {name} is {value!r}; expected {kind}")


PRESETS = {
    spec.name: spec
    for spec in (
        # 33.6 px/s and a thin line show a 13-Hz spindle as waves and not as a block; ±125 µV does
        # not cut off the slow waves of N3. The width is that of three LLaVA-NeXT tiles.
        ImageSpec("wide", "aasm", 1008, 336, line_px=1.0, eeg_uv=125.0, eog_uv=125.0),
        # A quarter of the pixels of `wide`, for small models: 15 px/s.
        ImageSpec("compact", "aasm", 448, 224, line_px=1.0),
        # The square input of common vision towers, with few lanes, so that they are tall.
        ImageSpec("square", "core", 336, 336, grid=False),
        # The square with 30 s folded into three rows of 10 s, so that alpha and theta can be told
        # apart. Its lanes are low, so the scale is smaller, and tall waves are cut off.
        ImageSpec(
            "folded", "core", 336, 336, fold=3, grid=False, eeg_uv=60.0, eog_uv=75.0, emg_uv=30.0
        ),
        # The square with a 0-20 Hz spectrogram under the traces: 11 px/s cannot show fast rhythms.
        ImageSpec("spectral", "core", 336, 336, spectrogram=1 / 3, grid=False),
        # The images of arXiv 2509.22810 as far as they are described: each epoch is scaled to its
        # own extremes.
        ImageSpec(
            "paper", "paper", 336, 336, scale="minmax", grid=False, colour=False, line_px=1.0,
            prompt=PAPER_PROMPT,
        ),
    )
}  # fmt: skip
