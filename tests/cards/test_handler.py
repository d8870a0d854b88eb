"""The endpoint's handler, called as the Hub's servers call it, with good and bad requests."""

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
    """The handler, imported from the file beside the weights as an endpoint imports it.

    The adapter is copied first, since the import leaves a folder beside the file.
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


def test_every_form_of_a_picture_gets_the_same_answer(serve, epoch, adapter):
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


def test_a_picture_is_explained_with_a_heat_map(serve, epoch):
    answer = serve({"inputs": text(png(epoch)), "parameters": {"explain": True}})
    assert answer["explanation"].startswith(answer["stage"])
    with Image.open(io.BytesIO(base64.b64decode(answer["heat_map"]))) as heat_map:
        assert heat_map.format == "PNG"


def test_a_night_is_staged_as_the_stager_stages_it(serve, edf, adapter):
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


def test_a_temperature_calibrates_the_probabilities(serve, epoch, monkeypatch):
    plain = serve({"inputs": epoch})
    monkeypatch.setattr(serve.stager, "temperature", 4.0)
    softer = serve({"inputs": epoch})
    assert softer["stage"] == plain["stage"]
    assert max(softer["probabilities"].values()) < max(plain["probabilities"].values())


def test_answers_and_errors_hold_labels_but_no_personal_fields(serve, tmp_path):
    write_edf(tmp_path / "night.edf", montage(["brain"], 60), ())
    content = (tmp_path / "night.edf").read_bytes()
    assert SECRET[0].encode() in content
    answer = serve({"inputs": content, "parameters": {"map": "C4-M1=brain"}})
    assert answer["lanes"]["C4-M1"] == "brain"
    assert len(answer["epochs"]) == 2
    assert not any(word in str(answer) for word in SECRET)
    with refused("recording.edf") as found:
        serve({"inputs": content})
    assert "/" not in str(found.value).split(":")[0]  # the temporary folder is not named
    assert not any(word in str(found.value) for word in SECRET)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (None, "a request that is of type NoneType"),
        ({"image": "x"}, "a request that is of type dict"),
        ({"inputs": 3}, "a picture that is of type int"),
        ({"inputs": None}, "a picture that is of type NoneType"),
        ({"inputs": []}, "0 pictures; expected 1"),
        ({"inputs": "not base64!"}, "no base64"),
        ({"inputs": "é"}, "no base64"),
        ({"inputs": text(b"GIF89a")}, "no PNG, JPEG or EDF"),
        ({"inputs": b""}, "no PNG, JPEG or EDF"),
        ({"inputs": handler.EDF}, "recording.edf: "),
        ({"inputs": handler.EDF + b"9" * 500}, "recording.edf: "),
        ({"inputs": b"x", "parameters": 3}, "parameters: expected an object"),
        ({"inputs": b"x", "parameters": {"path": "/etc"}}, "parameters: expected"),
        ({"inputs": b"x", "parameters": {"map": "a=b"}}, "a picture has no labels"),
        ({"inputs": b"x", "parameters": {"explain": [1]}}, "expected true or false"),
        ({"inputs": handler.EDF, "parameters": {"explain": True}}, "epochs from 1"),
        ({"inputs": handler.EDF, "parameters": {"explain": ["1"]}}, "epochs from 1"),
        ({"inputs": handler.EDF, "parameters": {"explain": [*range(21)]}}, "expected 20 at most"),
        ({"inputs": handler.EDF, "parameters": {"map": 3}}, "expected a text such as"),
    ],
)
def test_bad_requests_are_refused(serve, sent, message):
    with refused(message):
        serve(sent)


def test_pictures_of_another_size_or_format_are_refused(serve, epoch, edf):
    whole = png(epoch)
    for wrong, message in (
        (png(epoch.resize((20000, 20), Image.Resampling.NEAREST)), "20000 x 20 pixels; expected"),
        (png(epoch, "GIF"), "no PNG, JPEG or EDF"),
        (whole[: len(whole) // 2], "damaged picture"),
    ):
        with refused(message):
            serve({"inputs": wrong})
    with refused("no whole epoch 61"):
        serve({"inputs": edf.read_bytes(), "parameters": {"explain": [61]}})


def test_too_large_files_are_refused_before_they_are_opened(adapter, monkeypatch):
    monkeypatch.setattr(handler, "MAX_IMAGE_BYTES", 100)
    monkeypatch.setattr(handler, "MAX_EDF_BYTES", 100)
    served = handler.EndpointHandler(str(adapter))
    with refused("101 bytes; expected 100 at most"):
        served({"inputs": b"\x89PNG".ljust(101)})
    with refused("an EDF of 101 bytes; expected 100 at most"):
        served({"inputs": handler.EDF.ljust(101)})
