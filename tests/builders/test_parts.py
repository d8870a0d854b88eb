"""A part gives back what was written, or an error; its key covers everything that decides it."""

import os
import tempfile
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psgvlm.builders.build import parts
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.build.parts import DamagedFile, Result
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.image_spec import PRESETS

KEY = "a" * 64


@settings(deadline=None)  # a part is written through to the disk
@given(st.lists(st.binary(min_size=1, max_size=50), max_size=8), st.data())
def test_round_trip_and_any_byte_that_changes(pictures, data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "part")
        columns, shared = {"epochs": list(range(len(pictures)))}, {"lanes": ["C4-M1"]}
        hashes = [f"{index:032x}" for index in range(len(pictures))]
        hashed = zip(pictures, hashes, strict=True)
        result = parts.write(path, KEY, Result("built"), hashed, columns, shared)
        assert (result.rows, result.bytes) == (len(pictures), sum(map(len, pictures)))
        part = parts.read(path, KEY)
        assert list(part.pictures()) == pictures
        assert part.columns == {"pixels": hashes, **columns}
        assert (part.result, part.shared) == (result, shared)
        assert os.listdir(folder) == ["part"]
        held = bytearray(path.read_bytes())
        held[data.draw(st.integers(0, len(held) - 1))] ^= data.draw(st.integers(1, 255))
        path.write_bytes(held)
        with pytest.raises(DamagedFile):
            list(parts.read(path, KEY).pictures())
        path.write_bytes(held[: data.draw(st.integers(0, len(held) - 1))])
        with pytest.raises(DamagedFile):
            list(parts.read(path, KEY).pictures())


def test_what_cannot_be_drawn_leaves_nothing(tmp_path):
    def pictures():
        yield b"first", "0" * 32
        raise ValueError

    with pytest.raises(ValueError):
        parts.write(tmp_path / "part", KEY, Result("built"), pictures())
    assert not list(tmp_path.iterdir())


def night_in(raw):
    raw.mkdir(parents=True)
    for name in ("1.rec", "1_1.txt", "1_1.xlsx"):
        (raw / name).write_text(name)
        os.utime(raw / name, ns=(0, 10**18))
    return FoundNight("isruc", "I-1", "I-1", raw / "1.rec", (raw / "1_1.txt",))


def test_the_key_changes_with_all_that_decides_and_with_nothing_else(tmp_path):
    raw = tmp_path / "raw"
    night, spec = night_in(raw), PRESETS["wide"]
    choices = Choices(raw=raw, reader={"scorer": "1"})

    def key(reader="psgvlm.builders.readers.isruc", night=night, spec=spec, choices=choices):
        return parts.key(reader, night, spec, choices)

    first = key()
    assert key(choices=replace(choices, tasks=("staging", "perception"))) == first
    keys = {
        first,
        key(reader="psgvlm.builders.readers.folder"),
        *(key(night=replace(night, **{f: "x"})) for f in ("cohort", "subject", "recording")),
        key(night=replace(night, scores=())),
        key(choices=replace(choices, reader={"scorer": "2"})),
        key(choices=replace(choices, map="chin=X2")),
        key(choices=replace(choices, strict=True)),
        key(choices=replace(choices, trim_wake_min=30.0)),
        *(key(spec=other) for other in PRESETS.values()),
        *(key(spec=replace(spec, **{name: 5})) for name in ("drawing", "line_px", "fold")),
    }
    assert len(keys) == 1 + 1 + 3 + 1 + 4 + len(PRESETS) - 1 + 3
    decided = {"raw", "reader", "map", "strict", "trim_wake_min", "tasks"}
    assert decided == {field.name for field in fields(Choices)}
    for name in ("1.rec", "1_1.txt", "1_1.xlsx"):  # the last one is read beside the second
        os.utime(raw / name, ns=(0, 10**18 + 1))
        assert key() not in keys
        os.utime(raw / name, ns=(0, 10**18))
        assert key() == first
    moved = tmp_path / "elsewhere" / "raw"
    other = night_in(moved)
    assert key(night=other, choices=replace(choices, raw=moved)) == first
