"""A model served: by Inference Endpoints of the Hub, which call this file beside the weights.

    {"inputs": "<base64 of a PNG>"}                                      one epoch, as it is drawn
    {"inputs": ["<base64>", "<base64>", "<base64>"]}                     one with its neighbours
    {"inputs": "<base64 of an EDF>", "parameters": {"map": "chin=X1"}}   a night
    {"inputs": ..., "parameters": {"explain": true}}                     with a heat map
    {"inputs": "<EDF>", "parameters": {"explain": [12, 40]}}             of these epochs, from 1

`python -m model_card card` puts it there. What is sent is held in memory or in a folder that is
gone with the answer, and no header field of it is in what comes back.
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
EDF = b"0       "  # how every EDF begins
PARAMETERS = ("explain", "map")


class EndpointHandler:
    """Stages what is sent; `path` is the folder of the model. Raises `InputError`, a line."""

    def __init__(self, path: str = "."):
        self.stager = Stager(path)

    def __call__(self, data: dict) -> dict:
        """`stage`, `probabilities` and what else is known, of an epoch or of each of a night.

        `data["inputs"]` is a picture (PIL image, bytes, or base64 of them), a list of pictures
        where the model is shown neighbours too, or an EDF (bytes or base64).
        """
        if not isinstance(data, dict) or "inputs" not in data:
            raise InputError(f'a request of {_kind(data)}; expected {{"inputs": picture or EDF}}')
        parameters = data.get("parameters") or {}
        if not isinstance(parameters, dict) or not set(parameters) <= set(PARAMETERS):
            raise InputError(f"parameters; expected an object with some of {', '.join(PARAMETERS)}")
        inputs = data["inputs"]
        if isinstance(inputs, str):
            inputs = _decoded(inputs)
        if isinstance(inputs, bytes) and inputs.startswith(EDF):
            return self._night(inputs, **parameters)
        if "map" in parameters:
            raise InputError("map: there are no labels in a picture; expected it with an EDF")
        return self._epoch(inputs, **parameters)

    def _epoch(self, inputs, explain: bool = False) -> dict:
        if not isinstance(explain, bool):
            raise InputError(f"explain: {_kind(explain)}; expected true or false with a picture")
        several = inputs if isinstance(inputs, list) else [inputs]
        shown = 2 * self.stager.neighbours + 1
        if len(several) != shown:
            raise InputError(f"{len(several)} pictures; expected {shown}, as the model was trained")
        images = [self._picture(image) for image in several]
        (p,) = self.stager.classifier.probabilities([images])
        answer = _answer(self._calibrated(p))
        return answer | (self._explained(images) if explain else {})

    def _night(self, content: bytes, map: str = "", explain: list | bool = False) -> dict:
        if len(content) > MAX_EDF_BYTES:
            raise InputError(f"an EDF of {len(content)} bytes; expected {MAX_EDF_BYTES} at most")
        if not isinstance(map, str):
            raise InputError(f'map: {_kind(map)}; expected a text such as "chin=EMG1 - EMG2"')
        numbers = _numbers(explain)
        with tempfile.TemporaryDirectory(prefix="psgvlm-") as folder:
            path = Path(folder) / "recording.edf"
            path.write_bytes(content)
            try:
                night = self.stager.open(path, map)
                if absent := [n for n in numbers if n - 1 not in night.epochs]:
                    raise InputError(f"explain: there is no epoch {absent[0]} that can be staged")
                staged = self.stager.stage(night)
                epochs = [
                    {"epoch": int(number) + 1, "onset_s": float(onset_s)} | _answer(p)
                    for number, onset_s, p in zip(
                        staged.epochs, staged.onsets_s, staged.probabilities, strict=True
                    )
                ]
                for epoch in epochs:
                    if epoch["epoch"] in numbers:
                        row = int((staged.epochs == epoch["epoch"] - 1).argmax())
                        (images,) = night.pictures_with_neighbours(
                            self.stager.neighbours, row, row + 1
                        )
                        epoch |= self._explained(images)
            except InputError as error:
                # Where the file lay meanwhile is nobody's business.
                raise InputError(str(error).replace(f"{folder}/", "")) from None
        return {"epochs": epochs, "lanes": dict(staged.lanes), "notes": list(staged.notes)}

    def _picture(self, image):
        """One picture, checked before it is unpacked: an RGB PIL image."""
        from PIL import Image, UnidentifiedImageError

        spec = self.stager.spec
        if isinstance(image, str):
            image = _decoded(image)
        if isinstance(image, bytes):
            if len(image) > MAX_IMAGE_BYTES:
                raise InputError(f"{len(image)} bytes; expected {MAX_IMAGE_BYTES} at most")
            try:
                image = Image.open(io.BytesIO(image), formats=["PNG", "JPEG"])
            except (UnidentifiedImageError, Image.DecompressionBombError) as error:
                raise InputError("bytes that are no PNG, JPEG or EDF; expected one") from error
        if not isinstance(image, Image.Image):
            raise InputError(f"a picture as {_kind(image)}; expected PIL image, bytes or base64")
        if image.size != spec.size:
            raise InputError(
                "a picture of {} x {} pixels; expected {} x {}, drawn as image_spec.json "
                "says".format(*image.size, *spec.size)
            )
        try:
            return image.convert("RGB")
        except (OSError, ValueError, SyntaxError) as error:
            raise InputError("a damaged picture; expected a whole PNG or JPEG") from error

    def _calibrated(self, p):
        temperature = self.stager.temperature
        return p if temperature is None else calibration.scale(p[None], temperature)[0]

    def _explained(self, images: list) -> dict:
        from psgvlm import explain

        why = explain.explain(self.stager.model, images)
        picture = io.BytesIO()
        explain.draw(why, images[self.stager.neighbours], picture)
        heat_map = base64.b64encode(picture.getvalue()).decode()
        return {"explanation": why.sentence, "heat_map": heat_map}


def _answer(p) -> dict:
    told = {stage: float(x) for stage, x in zip(STAGES, p, strict=True)}
    return {"stage": STAGES[int(p.argmax())], "probabilities": told}


def _decoded(text: str) -> bytes:
    """Base64, with or without the head of a data URL."""
    if text.startswith("data:"):
        text = text.partition(",")[2]
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise InputError("a text that is no base64; expected that of a PNG or EDF") from error


def _numbers(explain) -> set[int]:
    """The epochs to be explained, by their numbers from 1."""
    numbers = [] if explain is False else explain
    if not isinstance(numbers, list) or any(type(number) is not int for number in numbers):
        raise InputError(
            f"explain: {_kind(explain)}; expected epochs from 1 as [12, 40] of a night"
        )
    if len(numbers) > MAX_EXPLAINED:
        raise InputError(f"explain: {len(numbers)} epochs; expected {MAX_EXPLAINED} at most")
    return set(numbers)


def _kind(value) -> str:
    return f"a {type(value).__name__}"
