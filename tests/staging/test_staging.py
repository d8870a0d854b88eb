"""A night staged by the library, its API, and its files as other programs read them."""

import csv
import io
import json
import re
from dataclasses import replace
from itertools import pairwise

import edfio
import mne
import numpy as np
import pytest
from PIL import Image
from recordings import SECRET, montage, noise, signal, write_edf

from psgvlm.errors import InputError
from psgvlm.models import adapter_files, calibration
from psgvlm.models.calibration import Review
from psgvlm.nights import neighbours
from psgvlm.scores import read_sheet
from psgvlm.stages import STAGES
from psgvlm.staging import lights, night_files, night_picture
from psgvlm.staging.lights import Lights
from psgvlm.staging.sleep_statistics import main_statistics
from psgvlm.staging.stager import Stager

CORE = ("C4-M1", "E1-M2", "E2-M1", "chin")


@pytest.fixture(scope="module")
def stager(adapter):
    return Stager(str(adapter), batch_size=4)


def write_gaps(path, seconds=300, gap_after=100, gap_s=95):
    """Write an EDF+D with data records of 1 s and a gap of `gap_s` after some of them."""
    write_edf(path, montage(CORE, seconds), ())
    content = path.read_bytes().replace(b"EDF+C", b"EDF+D", 1)
    for second in range(seconds - 1, gap_after - 1, -1):
        old = f"+{second}\x14\x14\x00".encode()
        new = f"+{second + gap_s}\x14\x14\x00".encode()
        content = content.replace(old + b"\x00" * (len(new) - len(old)), new, 1)
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def night(stager, tmp_path_factory):
    """A staged night of five minutes with a gap of 95 s; it begins at 23:58:20."""
    path = tmp_path_factory.mktemp("night") / "one.edf"
    write_gaps(path)
    content = path.read_bytes()
    path.write_bytes(content[:176] + b"23.58.20" + content[184:])
    return replace(stager.stage(stager.open(path)), review=(Review(0.0, 0.1, 0.5, 0.6),))


def test_an_interrupted_night_continues(stager, tmp_path):
    path = write_edf(tmp_path / "n.edf", montage(CORE, 330))
    opened = stager.open(path)
    calls = []
    whole = stager.stage(opened, lambda done, total: calls.append((done, total)))
    assert calls == [(i, 11) for i in range(12)]

    def stop(done, total):
        if done == 6:
            raise KeyboardInterrupt

    keep = tmp_path / "out" / "part"
    with pytest.raises(KeyboardInterrupt):
        stager.stage(opened, stop, keep)
    calls.clear()
    again = stager.stage(opened, lambda done, total: calls.append(done), keep)
    assert calls == list(range(4, 12))  # whole batches are kept
    assert (again.raw_probabilities == whole.raw_probabilities).all()
    np.testing.assert_allclose(whole.raw_probabilities.sum(1), 1)
    # Kept probabilities of another model or file, and damaged ones, are not used.
    for content in (b"", b"x" * 300, b"0" * 32 + b"\n" + keep.read_bytes()[33:]):
        keep.write_bytes(content)
        calls.clear()
        stager.stage(opened, lambda done, total: calls.append(done), keep)
        assert calls[0] == 0


def test_neighbours_are_those_of_the_record(stager, tmp_path):
    """Across a gap an epoch has no neighbour: its place is blank."""
    opened = stager.open(write_gaps(tmp_path / "gap.edf"))
    assert opened.epochs.tolist() == [0, 1, 2, 7, 8, 9, 10, 11, 12]
    pictures = [np.asarray(picture) for picture in opened.pictures()]
    blank = np.asarray(neighbours.blank(opened.spec))
    shown = [
        [np.asarray(image) for image in images] for images in opened.pictures_with_neighbours(1)
    ]
    assert len(shown) == len(pictures)
    for row, (before, own, after) in enumerate(shown):
        assert (own == pictures[row]).all()
        first, last = row in (0, 3), row in (2, 8)
        assert (before == (blank if first else pictures[row - 1])).all()
        assert (after == (blank if last else pictures[row + 1])).all()
    ((before, own, after),) = opened.pictures_with_neighbours(1, 4, 5)
    for found, row in ((before, 3), (own, 4), (after, 5)):
        assert (np.asarray(found) == pictures[row]).all()
    assert len(list(opened.pictures_with_neighbours(2, 3))) == 6


def test_an_opened_night_names_its_lanes_and_what_is_unusual(stager, tmp_path):
    bare = [signal("C4-M1", noise(100, 100), 100, ""), signal("EMG9", noise(100, 100), 100)]
    opened = stager.open(write_edf(tmp_path / "n.edf", bare), "chin=EMG9")
    assert opened.sources == {"C4-M1": "C4-M1", "E1": None, "E2": None, "chin": "EMG9"}
    assert opened.notes == (
        "no E1, E2: drawn as empty",
        "no unit for C4-M1: taken as uV",
        "the last 10 s are not a whole epoch and are left out",
    )
    assert opened.lost_s()[:, 1:3].tolist() == [[30, 30]] * 3


def test_a_substitute_is_said_by_the_staged_night_and_its_report(stager, tmp_path):
    edf = write_edf(tmp_path / "n.edf", montage(["EEG Fpz-Cz", "EOG horizontal"], 95))
    staged = stager.stage(stager.open(edf))
    line = "C4-M1 <- EEG Fpz-Cz, a substitute: another derivation, without a mastoid"
    assert line in staged.notes
    assert line in repr(staged)
    report = (staged.save(tmp_path / "out") / "report.html").read_text()
    assert "EEG Fpz-Cz, a substitute: another derivation, without a mastoid" in report
    with pytest.raises(InputError, match="EEG Fpz-Cz, a substitute"):
        stager.open(edf, strict=True)


def test_a_fif_file_is_staged_like_the_edf_file(stager, tmp_path):
    edf = write_edf(tmp_path / "n.edf", montage(CORE, 95))
    raw = mne.io.read_raw_edf(edf, verbose="ERROR")
    raw.save(tmp_path / "n_raw.fif", verbose="ERROR")
    one, two = stager.open(edf), stager.open(tmp_path / "n_raw.fif")
    assert two.epochs.tolist() == [0, 1, 2] and two.recording.clock_s is None
    assert one.recording.clock_s == 0
    first, second = stager.stage(one), stager.stage(two)
    np.testing.assert_allclose(second.raw_probabilities, first.raw_probabilities, atol=1e-4)


def test_temperature_decides_which_epochs_are_for_review(adapter, stager, tmp_path):
    opened = stager.open(write_edf(tmp_path / "n.edf", montage(CORE, 150)))
    plain = stager.stage(opened)
    assert plain.temperature is None and (plain.probabilities == plain.raw_probabilities).all()
    assert "not calibrated" in plain.notes[-1]
    copy = Stager(str(adapter), batch_size=4)
    copy.temperature, copy.review = 0.1, (Review(0, 0.2, 0.3, 0.4), Review(0.5, 0.9, 0.8, 0.9))
    found = copy.to_staged_night(opened, plain.raw_probabilities)
    assert (found.probabilities == calibration.scale(plain.raw_probabilities, 0.1)).all()
    assert (found.raw_probabilities == plain.raw_probabilities).all()
    assert found.stages == plain.stages
    middle = float(np.median(found.confidence))
    rows = found.rows_for_review(middle)
    assert len(rows) == 2 and (found.confidence[rows] < middle).all()
    assert found.confidence[rows[0]] <= found.confidence[rows[1]]
    assert found.review_gain(0.95) == copy.review and found.review_gain(0.1) is None
    assert found.review_gain(0.5) == (copy.review[0], copy.review[0])
    number = int(found.epochs[rows[0]]) + 1
    corrected = found.corrected(number, "N3")
    assert corrected.stages[rows[0]] == "N3"
    assert corrected.rows_for_review(middle).tolist() == [rows[1]]
    with pytest.raises(InputError, match="epoch 99 as 'N3'"):
        found.corrected(99, "N3")


def test_a_fingerprint_changes_with_the_weights_only(adapter, tmp_path):
    first = adapter_files.model_fingerprint(str(adapter))
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in adapter.iterdir():
        if path.is_file():
            (copy / path.name).write_bytes(path.read_bytes())
    assert adapter_files.model_fingerprint(str(copy)) == first
    (copy / "calibration.json").write_text('{"temperature": 2}')
    (copy / "README.md").write_text("a card")
    assert adapter_files.model_fingerprint(str(copy)) == first
    weights = bytearray((copy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (copy / "model.safetensors").write_bytes(weights)
    assert adapter_files.model_fingerprint(str(copy)) != first


### Lights


RECORD = ("night.edf", 30000.0, 81000)  # name, length in s, begin at 22:30


@pytest.mark.parametrize(
    ("off", "on", "expected"),
    [
        (None, None, (0, 30000)),
        ("600", "27000.5", (600, 27000.5)),
        ("23:00", "06:00", (1800, 27000)),
        ("22:30", "22:30:30", (0, 30)),
        ("0:15:20", None, (6320, 30000)),
        ("29900", None, (29900, 30000)),
    ],
)
def test_lights(off, on, expected):
    assert lights.find(off, on, *RECORD) == Lights(*expected)


@pytest.mark.parametrize(
    ("off", "on", "said"),
    [
        ("24:00", None, "lights off '24:00': expected a time of day"),
        (None, "6.30 am", "lights on '6.30 am': expected a time of day"),
        ("-5", None, "lights off '-5'"),
        ("9:00", None, "lights off at 37800 s"),
        ("100", "90", "lights off at 100 s and on at 90 s; expected an epoch"),
        ("100", "104", "expected an epoch or more between them"),
        (None, "99999", "within the record's 30000 s"),
    ],
)
def test_impossible_lights_are_refused(off, on, said):
    with pytest.raises(InputError, match=re.escape(said)):
        lights.find(off, on, *RECORD)


def test_a_record_without_a_time_of_day_takes_seconds():
    assert lights.find("60", None, "night.edf", 30000.0, None) == Lights(60, 30000)
    with pytest.raises(InputError, match="does not say at what time of day it began") as error:
        lights.find("23:00", None, "night.edf", 30000.0, None)
    assert error.value.parameter == "lights_off"


def test_an_epoch_counts_if_its_middle_is_in_the_dark():
    assert Lights(0, 300).epochs() == range(0, 10)
    assert Lights(15, 285).epochs() == range(0, 9)
    assert Lights(16, 286).epochs() == range(1, 10)


### Files

DARK = Lights(40.0, 380.0)


@pytest.fixture(scope="module")
def folder(night, tmp_path_factory):
    out = tmp_path_factory.mktemp("files") / "made"
    night_files.write(out, night, DARK, 0.9)
    assert sorted(path.name for path in out.iterdir()) == sorted(night_files.FILES)
    return out


def grid(night):
    staged = dict(zip(night.epochs.tolist(), night.stages, strict=True))
    return [staged.get(number) for number in range(13)]


def test_csv(night, folder):
    rows = list(csv.DictReader(io.StringIO((folder / "hypnogram.csv").read_text())))
    assert list(rows[0]) == ["epoch", "onset_s", "stage", "p_W", "p_N1", "p_N2", "p_N3", "p_R"]
    assert [int(row["epoch"]) for row in rows] == night.epochs.tolist()
    assert [float(row["onset_s"]) for row in rows] == night.onsets_s.tolist()
    assert [row["stage"] for row in rows] == night.stages
    p = [[float(row[f"p_{stage}"]) for stage in STAGES] for row in rows]
    np.testing.assert_allclose(p, night.probabilities, atol=1e-6)


def test_edf_plus_as_mne_and_edfio_read_it(night, folder):
    path = folder / "hypnogram.edf"
    stages = [f"Sleep stage {stage or '?'}" for stage in grid(night)]
    by_mne = mne.read_annotations(path)
    kept = [i for i, text in enumerate(by_mne.description) if text.startswith("Sleep stage")]
    assert [by_mne.description[i] for i in kept] == stages
    assert by_mne.onset[kept].tolist() == [30.0 * i for i in range(13)]
    assert (by_mne.duration[kept] == 30).all()
    found = edfio.read_edf(path)
    assert [a for a in found.annotations if a.duration is None] == [
        (40.0, None, "Lights off"),
        (380.0, None, "Lights on"),
    ]
    assert found.starttime.isoformat() == "23:58:20"
    assert path.read_bytes()[:184].split() == [
        *[b"0", b"X", b"X", b"X", b"X", b"Startdate", b"X", b"X", b"X", b"X", b"01.01.8523.58.20"]
    ]
    # The builders read the same stages.
    (marks,) = read_sheet(path).marks.values()
    assert [mark.text for mark in marks] == stages


def test_bids_events(night, folder):
    (marks,) = read_sheet(folder / "events.tsv").marks.values()
    stages = [mark.text if mark.text in STAGES else None for mark in marks]
    assert [(m.onset_s, m.duration_s) for m in marks] == [(30.0 * i, 30.0) for i in range(13)]
    assert stages == grid(night)
    header = (folder / "events.tsv").read_text().splitlines()[0].split("\t")
    assert header[:2] == ["onset", "duration"]  # BIDS wants them first
    assert set(json.loads((folder / "events.json").read_text())) == set(header)


def test_statistics_between_the_lights(night, folder):
    found = json.loads((folder / "statistics.json").read_text())
    assert found["lights_off"] == {"s": 40.0, "clock": "23:59:00"}
    assert found["lights_on"] == {"s": 380.0, "clock": "00:04:40"}
    dark = grid(night)[1:13]
    expected = main_statistics(dark)
    for name in ("TST", "SE", "SOL", "WASO", "REM latency"):
        value = found["statistics"][name]["value"]
        assert value == (None if np.isnan(expected[name]) else expected[name])
    assert found["statistics"]["TIB"]["value"] == 6
    assert found["statistics"]["UNS"]["value"] == dark.count(None) / 2
    pairs = list(pairwise(dark))
    for stage in STAGES:
        assert found["stages"][stage]["minutes"] == dark.count(stage) / 2
        for other in STAGES:
            assert found["transitions"][stage][other] == pairs.count((stage, other))


def test_json_is_read_back(night, folder):
    found, dark, under = night_files.read(folder / "hypnogram.json")
    assert (dark, under) == (DARK, 0.9)
    again = night_files.json_text(found, dark, under)
    assert again == (folder / "hypnogram.json").read_text()
    assert (found.raw_probabilities == night.raw_probabilities).all() and found.spec == night.spec
    content = json.loads(again)
    assert content["stages"] == night.stages and content["model"] == "tiny"
    assert set(content["versions"]) >= {"psgvlm", "torch", "transformers"}
    corrected = night_files.json_text(night.corrected(2, "R"), DARK, 0.9)
    (folder.parent / "c.json").write_text(corrected)
    assert night_files.read(folder.parent / "c.json")[0].stages[1] == "R"


@pytest.mark.parametrize("change", [{"raw": [[1]]}, {"stages": []}, {"lost_s": []}, {"epochs": "x"},
    {"spec": {"name": 1}}, {"corrections": [1]}, {"lights_on_s": None}, {"review": [{}]},
    {"epochs": [-5] * 9}])  # fmt: skip
def test_damaged_json_is_refused(folder, tmp_path, change):
    content = json.loads((folder / "hypnogram.json").read_text()) | change
    (tmp_path / "h.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"h\.json: not a staged night"):
        night_files.read(tmp_path / "h.json")


def test_picture(night, folder):
    assert night_picture.png(night, DARK, 0.9) == (folder / "night.png").read_bytes()

    def areas(night, under=0.0):
        """Count the pixels of recorded lanes, of lost ones, and of marks for review."""
        png = night_picture.png(night, DARK, under)
        pixels = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
        kinds = night_picture.LANE["recorded"], night_picture.LANE["flat or clipped"]
        colours = [list(bytes.fromhex(text[1:])) for text in (*kinds, night_picture.REVIEW)]
        return [int((pixels == colour).all(axis=2).sum()) for colour in colours]

    fine, lost, review = areas(night)
    chin = night.lost_s.copy()
    chin[3:, 3] = 30.0
    fewer, more, reviewed = areas(replace(night, lost_s=chin), 1.0)
    # The chin is lost in 6 of 9 epochs, which is 6 of the 36 cells of four lanes.
    assert (fine - fewer) / fine == pytest.approx(6 / 36, abs=0.02)
    assert more - lost == pytest.approx(fine - fewer, rel=0.1)
    assert reviewed > 5 * max(review, 1)


def test_report_is_one_file_that_needs_no_network(night, folder):
    text = (folder / "report.html").read_text()
    assert set(re.findall(r'src="([^,"]{0,30})', text)) == {"data:image/png;base64"}
    assert "http" not in text and "<script" not in text
    for part in ("23:58:20", "23:59:00", "REM latency", "chin", "were given the", "1 gap in"):
        assert part in text
    listed = re.findall(r'<tr><td class="words">(\d+)</td><td>\d\d:\d\d:\d\d</td>', text)
    assert [int(number) - 1 for number in listed] == night.epochs[
        night.rows_for_review(0.9)
    ].tolist()


def test_names_from_the_recording_are_escaped(night, tmp_path):
    odd = replace(night, name="<b>.edf", lanes={"C4-M1": "<img src=x>", **dict(
        list(night.lanes.items())[1:])})  # fmt: skip
    night_files.write(tmp_path, odd, DARK, 0.9)
    text = (tmp_path / "report.html").read_text()
    assert "<b>" not in text and "<img src=x>" not in text and "&lt;b&gt;" in text


def test_nothing_of_the_header_reaches_a_file(night, folder):
    """Every header that `write_edf` writes holds a name, a code, a birth date and more."""
    for path in folder.iterdir():
        content = path.read_bytes()
        words = (*SECRET, "Jane", "03-FEB", "01-JAN-2001", "2001-01-01", "01.01.01", "1961-02")
        for word in words:
            assert word.encode() not in content, path.name
        assert SECRET[0].lower().encode() not in content.lower()
    # Only a year that stands alone counts, since its digits may appear in a fraction by chance.
    texts = [(folder / name).read_text() for name in night_files.FILES if "png" not in name
             and not name.endswith(".edf")]  # fmt: skip
    assert not any(re.search(r"(?<![\w.])(1961|2001)(?![\w.])", text) for text in texts)


### What a caller sees


def test_staging_prints_nothing_unless_a_bar_is_asked_for(stager, tmp_path, capsys):
    path = write_edf(tmp_path / "n.edf", montage(CORE, 65))
    _ = stager.model
    capsys.readouterr()
    staged = stager.stage(path)
    assert capsys.readouterr() == ("", "")
    assert staged.name == "n.edf" and len(staged.epochs) == 2
    with_bar = stager.stage(str(path), progress=True)
    said = capsys.readouterr()
    assert said.out == "" and "2/2" in said.err
    assert (with_bar.raw_probabilities == staged.raw_probabilities).all()


def test_a_raw_object_is_staged_like_its_file(stager, tmp_path):
    path = write_edf(tmp_path / "n.edf", montage(CORE, 65))
    raw = mne.io.read_raw_edf(path, verbose="ERROR")
    from_raw, from_file = stager.stage(raw), stager.stage(path)
    assert from_raw.lanes == from_file.lanes
    np.testing.assert_allclose(from_raw.raw_probabilities, from_file.raw_probabilities, atol=1e-4)
    assert stager.stage(raw).key == from_raw.key
    raw.load_data()._data[0] *= 0.5
    assert stager.stage(raw).key != from_raw.key
