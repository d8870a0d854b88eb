"""MASS: stages by their onsets, epochs of 20 s, the true rate, files in other folders."""

import edfio
import numpy as np
import pytest
from psgvlm.builders.build.examine import Choices, examine
from psgvlm.builders.readers import mass
from recordings import noise, signal, write_edf, write_mass

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.recordings.recording import Recording

CODES = ("?", "W", "1", "2", "3", "4", "R", "?")
STAGES = (None, "W", "N1", "N2", "N3", "N3", "R", None)


def read(raw, **options):
    (night,) = mass.find(raw)
    return mass.read_scores(night, **options)


def look(raw, **options):
    (night,) = mass.find(raw)
    return examine(mass, night, PRESETS["wide"], Choices(reader=options))


### Files


def test_ids_with_gaps_in_the_order_of_their_numbers(tmp_path):
    for name in ("01-03-0012", "01-03-0002", "01-01-0041"):
        write_mass(tmp_path / f"SS{name[4]}", name, CODES)
    names = [night.recording for night in mass.find(tmp_path)]
    assert names == ["01-01-0041", "01-03-0002", "01-03-0012"]


@pytest.mark.parametrize("kind", ["Base", "Annotations", "BASE"])
def test_stages_in_the_same_folder_or_in_another(tmp_path, kind):
    write_mass(tmp_path / "SS3", "01-03-0001", CODES, kind=kind)
    assert read(tmp_path).stages == STAGES
    other = tmp_path / "annotations" / "deep"
    other.mkdir(parents=True)
    (tmp_path / "SS3" / f"01-03-0001 {kind}.edf").rename(other / f"01-03-0001 {kind}.edf")
    assert read(tmp_path).stages == STAGES


def test_no_stages(tmp_path):
    write_mass(tmp_path, "01-03-0001", CODES)
    (tmp_path / "01-03-0001 Base.edf").unlink()
    with pytest.raises(
        InputError, match=r"neither '01-03-0001 Base.edf' nor '01-03-0001 Annotations.edf'"
    ):
        read(tmp_path)


### Stages


def test_the_first_onset_is_not_0_and_durations_are_inexact(tmp_path):
    write_mass(tmp_path, "01-03-0001", CODES)
    seen = look(tmp_path)
    assert seen.scores.stages == STAGES
    assert seen.night.epochs.tolist() == [1, 2, 3, 4, 5, 6]
    onsets = [37.4 + 30 * epoch for epoch in range(1, 7)]
    assert seen.night.onsets_s.tolist() == pytest.approx(onsets)


def test_epochs_are_placed_by_their_onset_not_by_their_count(tmp_path):
    """Two epochs have no annotation, and some onsets are off by half a second."""
    write_mass(tmp_path, "01-03-0001", CODES)
    onsets = (37.4, 66.9, 97.9, 187.4, 217.3)
    scored = [edfio.EdfAnnotation(s, 29.9, "Sleep stage 2") for s in onsets]
    write_edf(tmp_path / "01-03-0001 Base.edf", (), scored)
    assert read(tmp_path).stages == ("N2", "N2", "N2", None, None, "N2", "N2")


def test_epochs_that_are_not_quite_30_s_do_not_drift(tmp_path):
    """256.016 Hz: 7680 samples are 29.998 s, which is 1.8 s over 960 epochs."""
    epoch_s = 7680 / 256.016
    write_mass(tmp_path, "01-03-0001", ["2"] * 960, epoch_s=epoch_s, labels="EEG C4-LER")
    scores = read(tmp_path)
    assert len(scores.stages) == 960
    assert scores.start_s(959) == pytest.approx(37.4 + 959 * epoch_s, abs=1e-3)


def test_what_lies_in_epoch_960_by_the_true_rate(tmp_path):
    """A pulse is at the first sample of the last epoch; a rounded rate would miss it by 1.8 s."""
    record_s, samples = 3.99975, 128
    rate_hz = samples / record_s
    records = int((37.4 + 30 * 961) / record_s) + 1
    x = noise(1, samples * records, 5)
    onset_s = 37.4 + 30 * 959
    x[int(np.ceil(onset_s * rate_hz))] = 480
    label = "EEG C4-LER"
    psg = tmp_path / "01-03-0001 PSG.edf"
    write_edf(psg, [signal(label, x, rate_hz)], data_record_duration=record_s)
    scored = [edfio.EdfAnnotation(37.4 + 30 * i, 30, "Sleep stage 2") for i in range(960)]
    write_edf(tmp_path / "01-03-0001 Base.edf", (), scored)
    (night,) = mass.find(tmp_path)
    recording = Recording(night.signal)
    assert recording.channel(label).rate_hz == pytest.approx(32.002, abs=1e-5)
    seen = examine(mass, night, PRESETS["wide"], Choices())
    assert seen.night.epochs[-1] == 959
    first = int(np.ceil(seen.night.starts_s[-1] * recording.channel(label).rate_hz))
    assert abs(int(recording.read_uv(label).argmax()) - first) <= 1


def test_other_annotations_stand_between_the_stages(tmp_path):
    other = [edfio.EdfAnnotation(50, 1, "Micro-arousal"), edfio.EdfAnnotation(70, None, "Lights")]
    write_mass(tmp_path, "01-03-0001", CODES, more=other)
    base = tmp_path / "01-03-0001 Base.edf"
    base.write_bytes(base.read_bytes().replace(b"Lights", b"R\xe9veil"))  # Latin-1
    assert read(tmp_path).stages == STAGES


def test_an_unknown_stage_is_refused(tmp_path):
    write_mass(tmp_path, "01-03-0001", ("W", "7", "2"))
    with pytest.raises(InputError, match=r"Sleep stage '7'; expected Sleep stage W, 1, 2, 3, 4, R"):
        read(tmp_path)


def test_annotations_without_stages_and_a_damaged_file(tmp_path):
    write_mass(tmp_path, "01-03-0001", CODES)
    base = tmp_path / "01-03-0001 Base.edf"
    write_edf(base, (), [edfio.EdfAnnotation(0, 1, "Spindle")])
    with pytest.raises(InputError, match="no 'Sleep stage' annotations"):
        read(tmp_path)
    base.write_bytes(b"0       " + b"x" * 40)
    with pytest.raises(InputError, match=r"Base\.edf: not an EDF file"):
        read(tmp_path)


def test_two_stages_for_an_epoch_leave_it_unscored(tmp_path):
    more = [edfio.EdfAnnotation(37.4 + 60, 29.9, "Sleep stage R")]
    write_mass(tmp_path, "01-03-0001", CODES, more=more)
    scores = read(tmp_path)
    assert scores.stages == (None, "W", None, *STAGES[3:])
    assert scores.notes == ("1 epochs with two stages left unscored",)


### 20-s epochs


@pytest.mark.parametrize("subset", ["02", "04", "05"])
def test_twenty_seconds_extended_by_five_on_both_sides(tmp_path, subset):
    codes = ("W", "W", "1", "2", "3", "4", "R", "R")
    write_mass(tmp_path, f"01-{subset}-0007", codes, first_s=3.25, epoch_s=20.0)
    seen = look(tmp_path)
    # Without the first and the last epoch of the night.
    assert seen.scores.stages == (None, "W", "N1", "N2", "N3", "N3", "R", None)
    assert seen.night.epochs.tolist() == [1, 2, 3, 4, 5, 6]
    onsets = [3.25 + 20 * epoch - 5 for epoch in range(1, 7)]
    assert seen.night.onsets_s.tolist() == pytest.approx(onsets)
    with pytest.raises(InputError, match=f"SS{subset[1]} is scored in epochs of 20 s"):
        look(tmp_path, twenty_second="skip")


def test_epochs_of_the_other_length_than_the_subset_has(tmp_path):
    write_mass(tmp_path, "01-03-0001", CODES, epoch_s=20.0)
    with pytest.raises(InputError, match="every 20 s; expected every 30 s in subset SS3"):
        read(tmp_path)
