"""The endpoint's handler, called as the Hub's servers call it: with what anyone may send."""

import base64
import importlib.util
import io
import shutil

import numpy as np
import pytest
from PIL import Image
from psgvlm.model_card import handler
from recordings import SECRET, montage, write_edf

from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.stages import STAGES
from psgvlm.staging.stager import Stager


@pytest.fixture(scope="module")
def serve(adapter, tmp_path_factory):
    """The handler from the file beside the weights, as an endpoint imports it.

    From a copy: importing it leaves a folder beside it.
    """
    adapter = shutil.copytree(adapter, tmp_path_factory.mktemp("served") / "adapter")
    spec = importlib.util.spec_from_file_location("endpoint", adapter / "handler.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.EndpointHandler(str(adapter))


@pytest.fixture(scope="module")
def epoch(corpus):
    return loading.load_split(str(corpus), "test", "isruc")[0]["images"][0]


@pytest.fixture(scope="module")
def edf(raw):
    return next((raw / "shhs").rglob("*.edf"))


def png(image, kind="PNG"):
    content = io.BytesIO()
    image.save(content, kind)
    return content.getvalue()


def text(content):
    return base64.b64encode(content).decode()


def refused(message):
    # The handler beside the weights and the library's raise the same error.
    return pytest.raises(InputError, match=message)


def test_an_image_in_whatever_form(serve, epoch, adapter):
    from psgvlm.models import inference

    stager = Stager(str(adapter))
    (p,) = inference.probabilities(stager.model, [[epoch]])
    answers = [
        serve({"inputs": sent})
        for sent in (
            epoch,
            png(epoch),
            text(png(epoch)),
            f"data:image/png;base64,{text(png(epoch))}",
            [text(png(epoch))],
        )
    ]
    for answer in answers:
        assert answer == answers[0]
    assert answers[0]["stage"] == STAGES[p.argmax()]
    assert list(answers[0]["probabilities"]) == list(STAGES)
    assert np.allclose(list(answers[0]["probabilities"].values()), p, atol=1e-5)


def test_where_it_looked(serve, epoch):
    answer = serve({"inputs": text(png(epoch)), "parameters": {"explain": True}})
    assert answer["explanation"].startswith(answer["stage"])
    with Image.open(io.BytesIO(base64.b64decode(answer["heat_map"]))) as heat_map:
        assert heat_map.format == "PNG"


def test_a_night(serve, edf, adapter):
    stager = Stager(str(adapter))
    staged = stager.stage(stager.open(edf))
    content = edf.read_bytes()
    answer = serve({"inputs": text(content), "parameters": {"explain": [2]}})
    assert [epoch["stage"] for epoch in answer["epochs"]] == staged.stages
    found = np.array([list(epoch["probabilities"].values()) for epoch in answer["epochs"]])
    assert np.allclose(found, staged.probabilities, atol=1e-6)
    assert [epoch["epoch"] for epoch in answer["epochs"] if "heat_map" in epoch] == [2]
    assert answer["lanes"] == dict(staged.lanes)
    answer["epochs"][1].pop("heat_map"), answer["epochs"][1].pop("explanation")
    assert serve({"inputs": content})["epochs"] == answer["epochs"]


def test_calibrated_where_a_temperature_lies_beside_it(serve, epoch, monkeypatch):
    plain = serve({"inputs": epoch})
    monkeypatch.setattr(serve.stager, "temperature", 4.0)
    softer = serve({"inputs": epoch})
    assert softer["stage"] == plain["stage"]
    assert max(softer["probabilities"].values()) < max(plain["probabilities"].values())


def test_names_of_labels_are_told_and_personal_fields_are_not(serve, tmp_path):
    write_edf(tmp_path / "night.edf", montage(["brain"], 60), ())
    content = (tmp_path / "night.edf").read_bytes()
    assert SECRET[0].encode() in content
    answer = serve({"inputs": content, "parameters": {"map": "C4-M1=brain"}})
    assert answer["lanes"]["C4-M1"] == "brain"
    assert len(answer["epochs"]) == 2
    assert not any(word in str(answer) for word in SECRET)
    with refused("recording.edf") as found:
        serve({"inputs": content})
    assert "/" not in str(found.value).split(":")[0]  # not where it lay meanwhile
    assert not any(word in str(found.value) for word in SECRET)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (None, "a request of a NoneType"),
        ({"image": "x"}, "a request of a dict"),
        ({"inputs": 3}, "a picture as a int"),
        ({"inputs": None}, "a picture as a NoneType"),
        ({"inputs": []}, "0 pictures; expected 1"),
        ({"inputs": "not base64!"}, "no base64"),
        ({"inputs": "é"}, "no base64"),
        ({"inputs": text(b"GIF89a")}, "no PNG, JPEG or EDF"),
        ({"inputs": b""}, "no PNG, JPEG or EDF"),
        ({"inputs": handler.EDF}, "recording.edf: "),
        ({"inputs": handler.EDF + b"9" * 500}, "recording.edf: "),
        ({"inputs": b"x", "parameters": 3}, "parameters; expected an object"),
        ({"inputs": b"x", "parameters": {"path": "/etc"}}, "parameters; expected"),
        ({"inputs": b"x", "parameters": {"map": "a=b"}}, "no labels in a picture"),
        ({"inputs": b"x", "parameters": {"explain": [1]}}, "expected true or false"),
        ({"inputs": handler.EDF, "parameters": {"explain": True}}, "expected epochs from 1"),
        ({"inputs": handler.EDF, "parameters": {"explain": ["1"]}}, "expected epochs from 1"),
        ({"inputs": handler.EDF, "parameters": {"explain": [*range(21)]}}, "expected 20 at most"),
        ({"inputs": handler.EDF, "parameters": {"map": 3}}, "expected a text such as"),
    ],
)
def test_what_cannot_be_used_is_refused(serve, sent, message):
    with refused(message):
        serve(sent)


def test_pictures_that_are_not_the_model_s(serve, epoch, edf):
    whole = png(epoch)
    for wrong, message in (
        (png(epoch.resize((20000, 20), Image.Resampling.NEAREST)), "20000 x 20 pixels; expected"),
        (png(epoch, "GIF"), "no PNG, JPEG or EDF"),
        (whole[: len(whole) // 2], "damaged picture"),
    ):
        with refused(message):
            serve({"inputs": wrong})
    with refused("no epoch 61"):
        serve({"inputs": edf.read_bytes(), "parameters": {"explain": [61]}})


def test_what_is_too_large_is_refused_before_it_is_opened(adapter, monkeypatch):
    monkeypatch.setattr(handler, "MAX_IMAGE_BYTES", 100)
    monkeypatch.setattr(handler, "MAX_EDF_BYTES", 100)
    served = handler.EndpointHandler(str(adapter))
    with refused("101 bytes; expected 100 at most"):
        served({"inputs": b"\x89PNG".ljust(101)})
    with refused("an EDF of 101 bytes; expected 100 at most"):
        served({"inputs": handler.EDF.ljust(101)})
