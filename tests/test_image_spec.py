"""The spec of the images: written, read back strictly, compared."""

import json
from dataclasses import asdict, replace

import pytest

from psgvlm.errors import InputError
from psgvlm.image_spec import PAPER_PROMPT, PRESETS, ImageSpec


@pytest.mark.parametrize("name", PRESETS)
def test_round_trip(name, tmp_path):
    spec = PRESETS[name]
    assert ImageSpec.load(spec.save(tmp_path)) == spec
    assert spec.differences(spec) == ""


def test_the_paper_preset_is_the_paper_s():
    spec = PRESETS["paper"]
    assert spec.size == (336, 336)
    assert spec.scale == "minmax"
    assert spec.prompt == PAPER_PROMPT
    assert len(spec.lanes) == 4


def test_differences_are_named():
    other = replace(PRESETS["square"], line_px=2.0, fold=3)
    text = PRESETS["square"].differences(other)
    assert "line_px 1.5 against 2.0" in text
    assert "fold 1 against 3" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"width": 1_000_000}, "16 to 4096"),
        ({"width": 336.5}, "field width is 336.5"),
        ({"width": True}, "field width is True"),
        ({"montage": "none"}, "montage is one of"),
        ({"eeg_hz": [35, 0.3]}, "bands rise"),
        ({"eeg_hz": 5}, "field eeg_hz"),
        ({"eeg_uv": 0}, "positive"),
        ({"eeg_uv": float("nan")}, "positive"),
        ({"height": 20}, "8 pixel rows"),
        ({"prompt": ""}, "prompt"),
        ({"extra": 1}, "extra"),
    ],
)
def test_a_hostile_spec_is_refused(change, message, tmp_path):
    path = tmp_path / "image_spec.json"
    path.write_text(json.dumps({**asdict(PRESETS["square"]), **change}))
    with pytest.raises(InputError, match=message):
        ImageSpec.load(path)


@pytest.mark.parametrize("text", ["", "[]", "{", '"square"', "{}"])
def test_what_is_no_spec_is_refused(text, tmp_path):
    path = tmp_path / "image_spec.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"image_spec\.json"):
        ImageSpec.load(path)
