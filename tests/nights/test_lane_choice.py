"""Lanes are chosen by what the signals can show, and a night goes on without a lane."""

import numpy as np
import pytest
from recordings import noise, signal, write_edf

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.nights.night import Night

CORE = PRESETS["square"]


def night(path, signals, **more):
    return Night(write_edf(path / "night.edf", signals), CORE, **more)


def test_the_better_of_two_signals_of_one_label_is_drawn(tmp_path):
    flat, good = np.zeros(12_000), noise(120, 100, seed=1)
    opened = night(tmp_path, [signal("C4-M1", x, 100) for x in (flat, good)])
    assert opened.sources["C4-M1"] == "C4-M1#2"
    assert any("C4-M1#2" in note and "better" in note for note in opened.notes)
    clipped = np.clip(noise(120, 100, seed=2) * 40, -500, 500)
    opened = night(tmp_path, [signal("C4-M1", x, 100) for x in (good, clipped)])
    assert opened.sources["C4-M1"] == "C4-M1"


def test_channels_of_different_rates_are_not_subtracted(tmp_path):
    signals = [signal("C4", noise(120, 200), 200), signal("M1", noise(120, 100), 100)]
    opened = night(tmp_path, [*signals, signal("C3-M2", noise(120, 100), 100)])
    assert opened.sources["C4-M1"] == "C3-M2"
    assert any("C4 - M1" in note and "200 and 100 Hz" in note for note in opened.notes)


@pytest.mark.parametrize(("unit", "word"), [("DegC", "not a voltage"), ("mV", "gain")])
def test_a_broken_channel_is_passed_over(tmp_path, unit, word):
    """An EEG of -500 to 500 mV is not one; nor is one in degrees."""
    signals = [signal("C4-M1", noise(120, 100), 100, unit), signal("C3-M2", noise(120, 100), 100)]
    opened = night(tmp_path, signals)
    assert opened.sources["C4-M1"] == "C3-M2"
    assert any(word in note for note in opened.notes)
    with pytest.raises(InputError, match=rf"night\.edf: no EEG lane can be shown.*{word}"):
        night(tmp_path, signals[:1])


def test_an_emg_of_volts_stays_empty(tmp_path):
    signals = [signal("C4-M1", noise(120, 100), 100), signal("chin", noise(120, 100), 100, "mV")]
    opened = night(tmp_path, signals)
    assert opened.sources["chin"] is None
    assert any("chin (mV) spans" in note for note in opened.notes)
    small = signal("chin", noise(120, 100) / 1000, 100, "mV", 0.5)
    assert night(tmp_path, [signals[0], small]).sources["chin"] == "chin"


def test_a_unit_whose_micro_sign_was_lost_is_said(tmp_path):
    opened = night(tmp_path, [signal("C4-M1", noise(120, 100), 100, ".V")])
    assert any("'.V' is taken for uV" in note for note in opened.notes)
    assert not night(tmp_path, [signal("C4-M1", noise(120, 100), 100, "uV")]).notes[1:]


def test_a_flat_eeg_gives_way_if_no_other_lane_has_one(tmp_path):
    flat, other = (signal("C4-M1", np.zeros(12_000), 100), signal("C3-M2", noise(120, 100), 100))
    opened = night(tmp_path, [flat, other])
    assert opened.sources["C4-M1"] == "C3-M2"
    assert any("flat" in note for note in opened.notes)


def test_substitutes_are_announced_and_refused_if_strict(tmp_path):
    signals = [signal("EEG Fpz-Cz", noise(120, 100), 100), signal("E1-M2", noise(120, 100), 100)]
    (line,) = (note for note in night(tmp_path, signals).notes if "Fpz" in note)
    assert line.startswith("C4-M1 <- EEG Fpz-Cz, a substitute: ")
    with pytest.raises(InputError, match="C4-M1 <- EEG Fpz-Cz, a substitute") as caught:
        night(tmp_path, signals, strict=True)
    assert caught.value.parameter == "strict"
    named = {"map": "C4-M1=EEG Fpz-Cz", "strict": True}
    assert night(tmp_path, signals, **named).sources["C4-M1"] == "EEG Fpz-Cz"
    own = [signal("C4-M1", noise(120, 100), 100)]
    assert night(tmp_path, own, strict=True).lanes.substitutes == ()


def test_the_map_is_said_where_it_names_another_derivation(tmp_path):
    signals = [signal(label, noise(120, 100), 100) for label in ("C4-M1", "O2-M1")]
    opened = night(tmp_path, signals, map="C4-M1=O2-M1")
    assert opened.sources["C4-M1"] == "O2-M1"
    assert any("C4-M1 <- O2-M1, named by the map" in note for note in opened.notes)
    assert not any("map" in note for note in night(tmp_path, signals, map="C4-M1=C4-M1").notes)


def test_a_lane_that_is_switched_off_stays_empty(tmp_path):
    signals = [signal(label, noise(120, 100), 100) for label in ("C4-M1", "chin")]
    opened = night(tmp_path, signals, map="chin=none")
    assert opened.sources["chin"] is None
    assert any("chin is left empty: switched off" in note for note in opened.notes)


@pytest.mark.parametrize("unit", ["uV", "mV"])
def test_a_lane_that_is_flat_is_said(tmp_path, unit):
    chin = signal("chin", np.zeros(12_000), 100, unit)
    signals = [signal("C4-M1", noise(120, 100), 100), chin]
    (line,) = (note for note in night(tmp_path, signals).notes if "flat" in note)
    assert line == "chin <- chin, flat for most of the record"
    eye = signal("E1", np.zeros(12_000), 100)
    (line,) = (note for note in night(tmp_path, [signals[0], eye]).notes if "flat" in note)
    assert line.startswith("E1 <- E1, a substitute: ")
    assert line.endswith("; flat for most of the record")


def test_a_flat_channel_of_a_difference_is_said(tmp_path):
    flat = signal("M1", np.zeros(12_000), 100)
    opened = night(tmp_path, [signal("C4", noise(120, 100), 100), flat])
    assert opened.sources["C4-M1"] == "C4 - M1"
    assert "C4-M1 <- C4 - M1, M1 is flat for most of the record" in opened.notes
