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
        ({"scale": "auto"}, "scale is one of fixed, minmax, robust"),
        ({"mains": "55"}, "mains is one of auto, 50, 60, off"),
        ({"mains": 50}, "field mains is 50"),
        ({"context_s": -1}, "context_s is 0 to 120"),
        ({"context_s": float("nan")}, "context_s is 0 to 120"),
        ({"line_px": 0}, "line_px"),
        ({"line_px": float("inf")}, "line_px"),
        ({"width": 1}, "16 to 4096"),
        ({"height": 16}, "8 pixel rows"),
        ({"spectrogram": 0.5, "fold": 3}, "not folded"),
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


def test_the_drawing_the_demonstration_learns_from_stays_as_it_is():
    spec = PRESETS["folded"]
    assert (spec.size, spec.fold, spec.line_px) == ((336, 336), 3, 1.5)
    assert spec.lanes == ("C4-M1", "E1", "E2", "chin")
    assert (spec.eeg_uv, spec.eog_uv, spec.emg_uv) == (60.0, 75.0, 30.0)
    assert spec.scale == "fixed"
    assert (spec.context_s, spec.grid, spec.colour) == (0.0, False, True)


def test_a_spec_from_before_an_option_existed_is_refused_by_name(tmp_path):
    values = asdict(PRESETS["square"])
    del values["mains"]
    path = tmp_path / "image_spec.json"
    path.write_text(json.dumps(values))
    with pytest.raises(InputError, match="mains"):
        ImageSpec.load(path)


def test_chosen_by_name_with_changes_or_from_a_file(tmp_path):
    assert ImageSpec.parse("wide") == PRESETS["wide"]
    changed = ImageSpec.parse("folded,fold=2,line_px=1,grid=true,mains=60")
    assert changed == replace(
        PRESETS["folded"], name=changed.name, fold=2, line_px=1.0, grid=True, mains="60"
    )
    assert ImageSpec.parse(str(changed.save(tmp_path))) == changed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foldd", "no such preset"),
        ("folded,fould=2", "no field 'fould'"),
        ("folded,fold=two", "expected a number"),
        ("folded,fold=1.5", "field fold is 1.5"),
        ("folded,fold=9", "fold is 1 to 6"),
        ("folded,name=x", "no field 'name'"),
        ("nowhere/image_spec.json", "cannot be read"),
    ],
)
def test_what_cannot_be_chosen(text, message):
    with pytest.raises(InputError, match=message):
        ImageSpec.parse(text)
