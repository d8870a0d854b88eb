"""Serve a model on an endpoint of the Hub, which calls this file beside the weights.

Requests, as JSON:

    {"inputs": "<base64 of a PNG>"}                                      one epoch
    {"inputs": ["<base64>", "<base64>", "<base64>"]}                     one epoch with neighbours
    {"inputs": "<base64 of an EDF>", "parameters": {"map": "chin=X1"}}   a night
    {"inputs": ..., "parameters": {"explain": true}}                     with a heat map
    {"inputs": "<EDF>", "parameters": {"explain": [12, 40]}}             heat maps of these epochs

Epochs are numbered from 1. `psgvlm card` copies this file beside an adapter. What is sent is kept
in memory or in a folder that is removed with the answer. No answer contains a field of the EDF
header.
"""

import base64
import binascii
import io
import tempfile
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.models import calibration
from psgvlm.stages import STAGES
from psgvlm.staging.stager import Stager

MAX_IMAGE_BYTES = 20 << 20
MAX_EDF_BYTES = 2 << 30
MAX_EXPLAINED = 20  # epochs of a night in one request
EDF = b"0       "  # the first eight bytes of every EDF
PARAMETERS = ("explain", "map")


class EndpointHandler:
    """Stages what a request sends.

    Parameters
    ----------
    path : str
        The folder of the model.
    """

    def __init__(self, path: str = "."):
        self.stager = Stager(path)

    def __call__(self, data: dict) -> dict:
        """Answer a request.

        Parameters
        ----------
        data : dict
            `data["inputs"]` is a picture (a PIL image, bytes, or base64 of bytes), a list of
            pictures if the model takes neighbours, or an EDF (bytes or base64).
            `data["parameters"]` may hold `explain` and, for an EDF, `map`.

        Returns
        -------
        dict
            For a picture: `stage` and `probabilities`, and if asked `explanation` and `heat_map`
            (base64 of a PNG). For an EDF: `epochs`, a list of such answers with `epoch` (from 1)
            and `onset_s`; `lanes`; `notes`.

        Raises
        ------
        InputError
            If the request cannot be answered; its message is one line.
        """
        if not isinstance(data, dict) or "inputs" not in data:
            raise InputError(
                f'a request that is {_kind(data)}; expected {{"inputs": picture or EDF}}'
            )
        parameters = data.get("parameters") or {}
        if not isinstance(parameters, dict) or not set(parameters) <= set(PARAMETERS):
            names = " and ".join(PARAMETERS)
            raise InputError(f"parameters: expected an object with {names} at most")
        inputs = data["inputs"]
        if isinstance(inputs, str):
            inputs = _decode(inputs)
        if isinstance(inputs, bytes) and inputs.startswith(EDF):
            return self._answer_night(inputs, **parameters)
        if "map" in parameters:
            raise InputError("map: a picture has no labels; expected this parameter with an EDF")
        return self._answer_epoch(inputs, **parameters)

    def _answer_epoch(self, inputs, explain: bool = False) -> dict:
        if not isinstance(explain, bool):
            raise InputError(f"explain: {_kind(explain)}; expected true or false with a picture")
        pictures = inputs if isinstance(inputs, list) else [inputs]
        wanted = 2 * self.stager.neighbours + 1
        if len(pictures) != wanted:
            raise InputError(
                f"{len(pictures)} pictures; expected {wanted}, as the model was trained with"
            )
        images = [self._open_picture(picture) for picture in pictures]
        (p,) = self.stager.classifier.probabilities([images])
        if (temperature := self.stager.temperature) is not None:
            p = calibration.scale(p[None], temperature)[0]
        return _answer(p) | (self._explain(images) if explain else {})

    def _answer_night(self, content: bytes, map: str = "", explain: list | bool = False) -> dict:
        if len(content) > MAX_EDF_BYTES:
            raise InputError(f"an EDF of {len(content)} bytes; expected {MAX_EDF_BYTES} at most")
        if not isinstance(map, str):
            raise InputError(f'map: {_kind(map)}; expected a text such as "chin=EMG1 - EMG2"')
        numbers = _epoch_numbers(explain)
        with tempfile.TemporaryDirectory(prefix="psgvlm-") as folder:
            path = Path(folder) / "recording.edf"
            path.write_bytes(content)
            try:
                return self._stage(path, map, numbers)
            except InputError as error:
                # The sender need not know where the file was.
                raise InputError(str(error).replace(f"{folder}/", "")) from None

    def _stage(self, path: Path, map: str, numbers: set[int]) -> dict:
        """Stage a recording and explain the epochs of these numbers."""
        night = self.stager.open(path, map)
        if missing := [n for n in numbers if n - 1 not in night.epochs]:
            raise InputError(f"explain: the night has no whole epoch {missing[0]}")
        staged = self.stager.stage(night)
        epochs = [
            {"epoch": int(epoch) + 1, "onset_s": float(onset_s)} | _answer(p)
            for epoch, onset_s, p in zip(
                staged.epochs, staged.onsets_s, staged.probabilities, strict=True
            )
        ]
        for epoch in epochs:
            if epoch["epoch"] in numbers:
                row = int((staged.epochs == epoch["epoch"] - 1).argmax())
                count = self.stager.neighbours
                (images,) = night.pictures_with_neighbours(count, row, row + 1)
                epoch |= self._explain(images)
        return {"epochs": epochs, "lanes": dict(staged.lanes), "notes": list(staged.notes)}

    def _open_picture(self, image):
        """Return a picture as an RGB PIL image; check format and size before decoding it."""
        from PIL import Image, UnidentifiedImageError

        spec = self.stager.spec
        if isinstance(image, str):
            image = _decode(image)
        if isinstance(image, bytes):
            if len(image) > MAX_IMAGE_BYTES:
                raise InputError(f"{len(image)} bytes; expected {MAX_IMAGE_BYTES} at most")
            try:
                image = Image.open(io.BytesIO(image), formats=["PNG", "JPEG"])
            except (UnidentifiedImageError, Image.DecompressionBombError) as error:
                raise InputError("the bytes are no PNG, JPEG or EDF; expected one") from error
        if not isinstance(image, Image.Image):
            raise InputError(
                f"a picture that is {_kind(image)}; expected a PIL image, bytes or base64"
            )
        if image.size != spec.size:
            raise InputError(
                "a picture of {} x {} pixels; expected {} x {}, drawn as image_spec.json "
                "says".format(*image.size, *spec.size)
            )
        try:
            return image.convert("RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError("a damaged picture; expected a whole PNG or JPEG") from error

    def _explain(self, images: list) -> dict:
        """Return the explanation of an epoch, and its heat map as base64 of a PNG."""
        from psgvlm import explanations

        explanation = explanations.explain(self.stager.model, images)
        picture = io.BytesIO()
        explanations.draw(explanation, images[self.stager.neighbours], picture)
        heat_map = base64.b64encode(picture.getvalue()).decode()
        return {"explanation": explanation.sentence, "heat_map": heat_map}


def _answer(p) -> dict:
    probabilities = {stage: float(x) for stage, x in zip(STAGES, p, strict=True)}
    return {"stage": STAGES[int(p.argmax())], "probabilities": probabilities}


def _decode(text: str) -> bytes:
    """Return the bytes of base64 text, with or without the head of a data URL."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("a text that is no base64; expected that of a PNG or EDF") from error


def _epoch_numbers(explain) -> set[int]:
    """Return the numbers, from 1, of the epochs to explain."""
    numbers = [] if explain is False else explain
    if not isinstance(numbers, list) or any(type(number) is not int for number in numbers):
        raise InputError(
            f"explain: {_kind(explain)}; expected a night's epochs from 1, such as [12, 40]"
        )
    if len(numbers) > MAX_EXPLAINED:
        raise InputError(f"explain: {len(numbers)} epochs; expected {MAX_EXPLAINED} at most")
    return set(numbers)


def _kind(value) -> str:
    """Return what a value is, for an error: its type, not its content, which may be personal."""
    return f"of type {type(value).__name__}"
