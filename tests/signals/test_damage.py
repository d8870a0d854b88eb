"""Damage on the raw signal: it has the level and the share asked for, and changes nothing else."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from recordings import SECRET, noise, signal, write_edf
from scipy.signal import butter, sosfiltfilt, welch

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.images import raster
from psgvlm.nights.night import Night
from psgvlm.recordings.lane_search import find_lanes
from psgvlm.recordings.recording import Recording
from psgvlm.signals.damage import DAMAGES, DRIFT_HZ, EMG_HZ, SHARES
from psgvlm.signals.damaged_recording import DamagedRecording

RATE = 200
EPOCH = 30 * RATE
EPOCHS = 20
SECONDS = 30 * EPOCHS
LABELS = ("C4-M1", "E1-M2", "E2-M1", "chin")


def channels(labels=LABELS):
    """Return waves of 10 Hz in noise under each label, the eyes at half the rate, and an SpO2."""
    signals = [signal("SpO2", noise(SECONDS, 1), 1, "%")]
    for label in labels:
        rate_hz = RATE // 2 if label.startswith("E") else RATE
        t = np.arange(SECONDS * rate_hz) / rate_hz
        # The samples of a label do not depend on its position in the file.
        x = 30 * np.sin(2 * np.pi * 10 * t) + noise(SECONDS, rate_hz, 10, seed=len(label))
        signals.append(signal(label, x, rate_hz))
    return signals


@pytest.fixture(scope="module")
def recording(tmp_path_factory):
    return Recording(write_edf(tmp_path_factory.mktemp("night") / "night.edf", channels()))


def changed(recording, kind, label="C4-M1", **options):
    """Return the samples of a channel before and after the damage, float64."""
    damaged = DamagedRecording(recording, kind, **options)
    return recording.read_uv(label).astype(float), damaged.read_uv(label).astype(float)


def touched(before, after):
    """Return which epochs differ, bool of shape (epochs,)."""
    return (before != after).reshape(EPOCHS, -1).any(axis=1)


def rms(x):
    return float(np.sqrt(np.mean(np.square(x))))


# --- all kinds ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", DAMAGES)
def test_without_severity_the_samples_stay_the_same(recording, kind):
    harmless = [{"share": 0.0}, {"labels": ()}]
    harmless += [{"level": DAMAGES[kind].levels[0]}] if DAMAGES[kind].levels else []
    for options in harmless if kind != "swapped" else harmless[:1]:
        damaged = DamagedRecording(recording, kind, **options)
        for label in LABELS:
            assert (damaged.read_uv(label) == recording.read_uv(label)).all()


@pytest.mark.parametrize("kind", DAMAGES)
def test_damage_is_the_same_whatever_else_is_read(recording, kind, tmp_path):
    """Read a second time, after other channels, from a copy in another process, or in a file with
    another order of channels."""
    damaged = DamagedRecording(recording, kind, 0.5, seed=3)
    once = damaged.read_uv("chin")
    damaged.read_uv("C4-M1")
    assert (damaged.read_uv("chin") == once).all()
    assert (pickle.loads(pickle.dumps(damaged)).read_uv("chin") == once).all()
    turned = Recording(write_edf(tmp_path / "turned.edf", channels(LABELS[::-1])))
    assert (DamagedRecording(turned, kind, 0.5, seed=3).read_uv("chin") == once).all()
    if kind != "lost_from":
        assert (DamagedRecording(recording, kind, 0.5, seed=4).read_uv("chin") != once).any()


@pytest.mark.parametrize("kind", DAMAGES)
def test_a_larger_share_damages_the_same_epochs_and_more(recording, kind):
    before = np.zeros(EPOCHS, bool)
    for share in SHARES:
        now = touched(*changed(recording, kind, share=share, seed=1))
        assert now.sum() == round(share * EPOCHS)
        assert (now | ~before).all()
        before = now


@pytest.mark.parametrize("kind", DAMAGES)
def test_channels_that_are_not_named_stay_as_they_are(recording, kind):
    labels = ["C4-M1", "chin"] if kind == "swapped" else ["C4-M1"]
    damaged = DamagedRecording(recording, kind, labels=labels)
    for label in LABELS:
        same = (damaged.read_uv(label) == recording.read_uv(label)).all()
        assert same == (label not in labels)


@pytest.mark.parametrize("kind", DAMAGES)
def test_grids_begin_undamaged_and_become_worse(recording, kind):
    damage = DAMAGES[kind]
    assert len(damage.grid) >= 5
    changes = []
    for share, level in damage.grid:
        before, after = changed(recording, kind, share=share, level=level)
        assert np.isfinite(after).all()
        changes.append(rms(after - before))
    assert changes[0] == 0 < changes[2]
    if kind not in ("jitter", "inverted", "swapped"):
        assert changes == sorted(changes)


@pytest.mark.parametrize("kind", [k for k in DAMAGES if k != "lost_from"])
def test_channels_are_damaged_in_the_same_epochs_only_if_the_kind_says_so(recording, kind):
    damaged = DamagedRecording(recording, kind, 0.5, labels=["C4-M1", "chin"])
    first, second = (
        touched(recording.read_uv(label), damaged.read_uv(label)) for label in ("C4-M1", "chin")
    )
    assert (first == second).all() == DAMAGES[kind].simultaneous


@settings(max_examples=25, deadline=None)
@given(
    kind=st.sampled_from(sorted(DAMAGES)),
    share=st.floats(0, 1),
    seed=st.integers(0, 2**31),
    seconds=st.integers(1, 65),
)
def test_records_of_any_length_can_be_damaged(tmp_path_factory, kind, share, seed, seconds):
    path = tmp_path_factory.mktemp("short") / "short.edf"
    labels = ("C4-M1", "chin")
    write_edf(path, [signal(x, noise(seconds, 101, seed=len(x)), 101) for x in labels])
    damaged = DamagedRecording(Recording(path), kind, share, seed=seed).read_uv("chin")
    assert damaged.shape == (101 * seconds,)
    assert damaged.dtype == np.float32
    assert np.isfinite(damaged).all()


# --- each kind ------------------------------------------------------------------------------------


def test_lost_from_leaves_the_beginning_of_the_night(recording):
    before, after = changed(recording, "lost_from", share=0.7)
    start = round(0.3 * EPOCHS) * EPOCH
    assert (after[:start] == before[:start]).all()
    assert (after[start:] == 0).all()
    assert (DamagedRecording(recording, "lost_from").read_uv("C4-M1") == 0).all()


def test_lost_is_one_run_of_epochs_anywhere(recording):
    starts = set()
    for seed in range(8):
        before, after = changed(recording, "lost", share=0.3, seed=seed)
        at = np.flatnonzero(touched(before, after))
        assert at.tolist() == list(range(at[0], at[0] + 6))
        assert (after[at[0] * EPOCH : (at[-1] + 1) * EPOCH] == 0).all()
        starts.add(int(at[0]))
    assert len(starts) > 3


def test_swapped_channels_are_exchanged(recording):
    damaged = DamagedRecording(recording, "swapped", labels=["C4-M1", "chin"])
    assert (damaged.read_uv("C4-M1") == recording.read_uv("chin")).all()
    assert (damaged.read_uv("chin") == recording.read_uv("C4-M1")).all()
    everywhere = DamagedRecording(recording, "swapped")
    for label in LABELS:  # each gets the signal of another channel of its own rate
        partner = everywhere._partners[label]
        assert partner != label
        assert (everywhere.read_uv(label) == recording.read_uv(partner)).all()
    with pytest.raises(InputError, match="no two of C4-M1, E1-M2 have the same rate"):
        DamagedRecording(recording, "swapped", labels=["C4-M1", "E1-M2"])


@pytest.mark.parametrize("offset", [0.0, 300.0])
def test_polarity_and_gain_leave_the_offset_of_the_amplifier(tmp_path, offset):
    x = noise(60, RATE, 20).clip(-100, 100)
    x -= np.median(x)
    night = Recording(write_edf(tmp_path / "n.edf", [signal("C4-M1", x + offset, RATE)]))
    for kind, options, factor in (
        ("inverted", {}, -1),
        ("weak", {}, 0.5),
        ("strong", {}, 2),
        ("strong", {"level": 3.3}, 3.3),
    ):
        after = DamagedRecording(night, kind, **options).read_uv("C4-M1")
        assert np.abs(after - offset - factor * x).max() < 0.05


@pytest.mark.parametrize("kind, hz", [("mains_50", 50), ("mains_60", 60)])
def test_hum_has_the_amplitude_asked_for(recording, kind, hz):
    before, after = changed(recording, kind, level=35.0)
    t = np.arange(len(before)) / RATE
    line = 2 * np.mean((after - before) * np.exp(-2j * np.pi * hz * t))
    assert abs(line) == pytest.approx(35, rel=1e-4)
    assert rms(after - before) == pytest.approx(35 / np.sqrt(2), rel=1e-4)
    # 50 or 60 Hz is beyond what 100 samples a second carry.
    eyes, same = changed(recording, kind, "E1-M2", level=35.0)
    assert (eyes == same).all()


@pytest.mark.parametrize("snr_db", [-10.0, 0.0, 12.0])
@pytest.mark.parametrize("kind", ["white", "emg"])
def test_noise_has_the_snr_asked_for(recording, kind, snr_db):
    before, after = changed(recording, kind, level=snr_db)
    added = after - before
    power = np.median(before.reshape(EPOCHS, -1).var(axis=1))
    assert 10 * np.log10(power / added.var()) == pytest.approx(snr_db, abs=0.1)
    hz, density = welch(added, RATE, nperseg=1000)
    share = density[(hz >= EMG_HZ[0]) & (hz <= EMG_HZ[1])].sum() / density.sum()
    assert share == pytest.approx(1, abs=0.05) if kind == "emg" else 0.75 < share < 0.85


def test_an_artefact_does_not_make_the_noise_louder(tmp_path):
    x = noise(SECONDS, RATE, 20)
    x[:EPOCH] *= 20
    night = Recording(write_edf(tmp_path / "n.edf", [signal("C4-M1", x, RATE, limit=9000)]))
    before, after = changed(night, "white", level=0.0)
    assert (after - before).std() == pytest.approx(20, rel=0.03)


def test_drift_is_slow_and_has_the_size_asked_for(recording):
    before, after = changed(recording, "drift", level=80.0)
    added = after - before
    assert rms(added) == pytest.approx(80, rel=0.02)
    slow = sosfiltfilt(butter(4, 2 * DRIFT_HZ[1], fs=RATE, output="sos"), added)
    assert rms((added - slow)[EPOCH:-EPOCH]) < 0.03 * 80


def test_there_is_one_pop_in_each_epoch_of_the_height_asked_for(recording):
    before, after = changed(recording, "pops", level=250.0)
    added = (after - before).reshape(EPOCHS, -1)
    assert np.abs(added).max(axis=1) == pytest.approx(250, abs=0.1)
    assert {-1, 1} == set(np.sign(added[np.arange(EPOCHS), np.abs(added).argmax(1)]))
    # A pop rises within one sample and falls to a third within 0.33 s.
    for epoch in added:
        start = np.abs(epoch).argmax()
        assert (np.abs(epoch[:start]) < 0.01).all()
        assert abs(epoch[start + round(0.33 * RATE)]) == pytest.approx(250 / 3, rel=0.02)
    assert len(set(np.abs(added).argmax(1))) == EPOCHS


def test_clipping_limits_the_distance_from_the_median(recording):
    before, after = changed(recording, "clipped", level=25.0)
    middle = np.median(before)
    assert np.abs(after - middle).max() == pytest.approx(25, abs=1e-3)
    within = np.abs(before - middle) < 24.9
    assert np.abs(after - before)[within].max() < 1e-3
    assert 0.2 < np.mean(~within) < 0.8


@pytest.mark.parametrize("slower_hz", [100.0, 64.0, 30.0])
def test_a_lower_rate_holds_no_tone_above_half_of_it(tmp_path, slower_hz):
    """Tones above half of the rate are gone and do not alias; tones below it stay."""
    t = np.arange(SECONDS * RATE) / RATE
    kept_hz, lost_hz = 0.3 * slower_hz, 0.62 * slower_hz
    kept, lost = (50 * np.sin(2 * np.pi * hz * t) for hz in (kept_hz, lost_hz))
    night = Recording(write_edf(tmp_path / "n.edf", [signal("C4-M1", kept + lost, RATE)]))
    _, after = changed(night, "slower", level=slower_hz)
    middle = slice(EPOCH, -EPOCH)
    assert np.abs(after - kept)[middle].max() < 0.2
    hz, density = welch(after[middle], RATE, nperseg=4000)
    assert density[hz >= slower_hz / 2].sum() < 1e-4 * density.sum()
    # A rate above the channel's own loses nothing.
    before, same = changed(night, "slower", level=500.0)
    assert (before == same).all()


def test_jitter_shifts_the_epochs_of_all_channels_alike(recording):
    shifts = {}
    damaged = DamagedRecording(recording, "jitter", level=0.5, seed=2)
    for label in ("C4-M1", "chin"):
        before, after = recording.read_uv(label), damaged.read_uv(label)
        shifts[label] = []
        for epoch in range(1, EPOCHS - 1):
            shifted = after[epoch * EPOCH : (epoch + 1) * EPOCH]
            lags = [
                lag
                for lag in range(-4 * RATE, 4 * RATE)
                if shifted[0] == before[epoch * EPOCH + lag]
                and (shifted == before[epoch * EPOCH + lag :][:EPOCH]).all()
            ]
            assert len(lags) == 1
            shifts[label].append(lags[0] / RATE)
    assert shifts["C4-M1"] == shifts["chin"]
    assert np.std(shifts["chin"]) == pytest.approx(0.5, rel=0.4)


# --- damaged nights -------------------------------------------------------------------------------


def test_damage_of_one_channel_changes_the_pixels_of_its_lane_alone(recording):
    spec = PRESETS["square"]
    lanes = find_lanes(recording.labels, spec.montage)
    assert lanes.filled_names == ("C4-M1", "E1", "E2", "chin")
    rows_drawn = [0, 1, 9]
    plain = list(Night(recording, spec).draw(rows_drawn))
    damaged = DamagedRecording(recording, "white", level=-5.0, labels=["E1-M2"])
    assert damaged.labels == recording.labels
    assert damaged.segments == recording.segments
    pictures = list(Night(damaged, spec).draw(rows_drawn))
    rows = slice(spec.lane_px(), 2 * spec.lane_px())  # E1 is the second lane
    for before, after in zip(plain, pictures, strict=True):
        assert (before[rows] != after[rows]).any()
        assert (np.delete(before, rows, 0) == np.delete(after, rows, 0)).all()


def test_a_lost_channel_is_a_flat_lane(recording):
    spec = PRESETS["square"]
    night = Night(DamagedRecording(recording, "lost_from", 0.5, labels=["C4-M1"]), spec)
    lost, *others = night.quality()
    assert lost.flat_s == pytest.approx(SECONDS / 2)
    assert [lane.flat_s for lane in others] == [0, 0, 0]
    samples_uv = night.traces()[0].samples_uv
    assert (samples_uv[len(samples_uv) // 2 + 1 :] == 0).all()
    assert night.lost_s()[:, 0].tolist() == [0.0] * 10 + [30.0] * 10


def test_an_electrode_that_two_lanes_share_damages_both(tmp_path):
    labels = ("C4", "F4", "O2", "M1")
    night = Recording(
        write_edf(
            tmp_path / "n.edf", [signal(x, noise(60, RATE, seed=ord(x[0])), RATE) for x in labels]
        )
    )
    spec = PRESETS["wide"]

    def filtered(source):
        return [trace.samples_uv for trace in Night(source, spec).traces()[:3]]

    before = filtered(night)
    one = filtered(DamagedRecording(night, "white", labels=["C4"]))
    assert [(a == b).all() for a, b in zip(before, one, strict=True)] == [True, False, True]
    every = filtered(DamagedRecording(night, "white", labels=["M1"]))
    assert not any((a == b).all() for a, b in zip(before, every, strict=True))
    # The noise is added before the lanes are derived, so all three have it.
    added = DamagedRecording(night, "white", labels=["M1"]).read_uv("M1") - night.read_uv("M1")
    assert added.std() > 1


def test_a_damaged_recording_can_be_damaged_again(recording):
    weak = DamagedRecording(recording, "weak", labels=["C4-M1"])
    both = DamagedRecording(weak, "inverted", labels=["C4-M1"])
    x = recording.read_uv("C4-M1")
    middle = np.median(x)
    assert np.abs(both.read_uv("C4-M1") - middle + 0.5 * (x - middle)).max() < 0.01
    lost = DamagedRecording(both, "lost_from", 0.5, labels=["chin"])
    assert (lost.read_uv("C4-M1") == both.read_uv("C4-M1")).all()


def test_every_span_that_is_read_is_damaged(recording):
    """Reading minutes, or a second here and there, gives damaged samples, too."""
    damaged = DamagedRecording(recording, "weak")
    whole = {label: damaged.read_uv(label) for label in LABELS[:2]}
    for start_s, stop_s in ((0, SECONDS), (-5, 12.5), (100.25, 101.25), (SECONDS - 1, 2 * SECONDS)):
        spans = damaged.read_span_uv(LABELS[:2], start_s, stop_s)
        plain = recording.read_span_uv(LABELS[:2], start_s, stop_s)
        for label, (first, samples) in spans.items():
            assert first == plain[label][0]
            assert (samples == whole[label][first : first + len(samples)]).all()
            assert len(samples) == len(plain[label][1])
            assert (samples != plain[label][1]).any()


def test_a_night_is_drawn_and_measured_with_the_damage(recording):
    """Its images, raw traces and lost seconds are those of the damaged samples."""
    spec = PRESETS["square"]
    night, hum = Night(recording, spec), DamagedRecording(recording, "mains_50", level=200.0)
    assert (Night(hum, spec).raw_traces()[0].samples_uv == hum.read_uv("C4-M1")).all()
    damaged = night.on(DamagedRecording(recording, "lost"))
    assert (damaged.lost_s() == 30).all()
    assert all((image == raster.ground(spec)).mean() > 0.9 for image in damaged.draw([0, 9]))


def test_channels_that_are_not_voltages_are_not_damaged(recording):
    damaged = DamagedRecording(recording, "white")
    assert damaged.damaged_labels == set(LABELS)
    with pytest.raises(InputError, match="SpO2"):
        damaged.read_uv("SpO2")


def test_nothing_personal_is_shown(recording):
    damaged = DamagedRecording(recording, "white")
    public = {name: getattr(damaged, name) for name in dir(damaged) if not name.startswith("_")}
    assert not any(word in repr(public) for word in SECRET)


@pytest.mark.parametrize(
    "words, message",
    [
        ({"kind": "burnt"}, "damage 'burnt'; expected one of lost, lost_from"),
        ({"kind": "white", "share": 1.2}, "share 1.2; expected 0 to 1"),
        ({"kind": "white", "share": float("nan")}, "share nan"),
        ({"kind": "white", "level": -np.inf}, "level -inf; expected a level such as inf, 20"),
        ({"kind": "mains_50", "level": -1.0}, "level -1"),
        ({"kind": "mains_50", "level": np.inf}, "level inf"),
        ({"kind": "slower", "level": 0.0}, "level 0"),
        ({"kind": "drift", "level": np.nan}, "level nan"),
        ({"kind": "lost", "level": 2.0}, "level 2; expected a share"),
        ({"kind": "lost", "labels": ["C3-M2"]}, "0 signals are labelled 'C3-M2'"),
    ],
)
def test_impossible_damage_is_refused(recording, words, message):
    with pytest.raises(InputError, match=message):
        DamagedRecording(recording, **words)
