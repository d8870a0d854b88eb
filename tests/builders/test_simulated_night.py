"""The simulated nights, and the stages that software trained on real nights gives them."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psgvlm.builders.simulate.background import LANES, MUSCLE_UV
from psgvlm.builders.simulate.events import PlantedWave
from psgvlm.builders.simulate.hypnogram import CLOSED, EPOCH_S, R, hypnogram
from psgvlm.builders.simulate.night import draw_subject, simulate_night
from scipy.signal import butter, find_peaks, sosfiltfilt

from psgvlm.stages import STAGES

RATE = 100.0


@pytest.fixture(scope="module")
def nights():
    """Six people, three hours each."""
    return [simulate_night(seed, 3, RATE) for seed in range(20, 26)]


def band(x, low_hz, high_hz, rate_hz=RATE):
    sos = butter(4, (low_hz, high_hz), "band", fs=rate_hz, output="sos")
    return sosfiltfilt(sos, x.astype(float))


def events_of(night, kind, channel=None) -> list[PlantedWave]:
    return [e for e in night.events if e.kind == kind and channel in (None, e.channel)]


def cut(night, lane, event, before_s=0.0):
    first = round((event.onset_s - before_s) * night.rate_hz)
    return night.signals[lane][first : round((event.onset_s + event.duration_s) * night.rate_hz)]


def epoch_rms(night, lane):
    """Return the RMS of a lane in each epoch, filtered as for a scorer, shape (epochs,)."""
    low, high = (10, 45) if lane == "chin" else (0.3, 35)
    x = band(night.signals[lane], low, high)
    return x.reshape(len(night.stages), -1).std(axis=1)


def slow_wave_share(night, lane):
    """Return the share of each epoch in waves of 0.5-2 Hz above 75 µV peak to peak, (epochs,)."""
    x = band(night.signals[lane], 0.3, 4)
    falls = np.flatnonzero((x[:-1] >= 0) & (x[1:] < 0))
    seconds = np.zeros(len(night.stages))
    for start, stop in pairwise(falls):
        duration_s = (stop - start) / night.rate_hz
        if 0.5 <= duration_s <= 2 and np.ptp(x[start:stop]) > 75:
            seconds[int(start / night.rate_hz / EPOCH_S)] += duration_s
    return seconds / EPOCH_S


# --- the hypnogram --------------------------------------------------------------------------------


@given(seed=st.integers(0, 2**32), hours=st.floats(1, 10))
@settings(max_examples=40, deadline=None)
def test_every_night_holds_all_stages(seed, hours):
    stages = hypnogram(np.random.default_rng(seed), round(hours * 120))
    assert len(stages) == round(hours * 120)
    assert stages[0] == "W"
    for stage in STAGES:
        assert np.mean(stages == stage) >= 0.02


@given(seed=st.integers(0, 2**32), hours=st.sampled_from([2.0, 3.0, 4.0, 8.0]))
@settings(max_examples=6, deadline=None)
def test_an_epoch_has_the_stage_that_fills_most_of_it(seed, hours):
    night = simulate_night(seed, hours, 64)
    assert set(night.stages) == set(STAGES)
    waking_s = np.zeros(len(night.stages) * EPOCH_S)
    for event in events_of(night, "alpha"):
        waking_s[round(event.onset_s) : round(event.onset_s + event.duration_s)] = 1
    asleep = np.array(night.stages) != "W"
    assert waking_s.reshape(-1, EPOCH_S).sum(axis=1)[asleep].max() <= EPOCH_S / 2


def test_stages_of_whole_nights_are_those_of_sleepers():
    nights = [hypnogram(np.random.default_rng(seed), 960) for seed in range(30)]
    share = {stage: np.mean([np.mean(n == stage) for n in nights]) for stage in STAGES}
    plausible = {"W": (0.08, 0.2), "N1": (0.07, 0.15), "N2": (0.4, 0.55), "N3": (0.1, 0.2)}
    for stage, (low, high) in (plausible | {"R": (0.14, 0.25)}).items():
        assert low < share[stage] < high, (stage, share)
    # deep sleep early, dreams late
    assert np.median([np.flatnonzero(n == "N3").mean() / len(n) for n in nights]) < 0.4
    assert np.median([np.flatnonzero(n == "R").mean() / len(n) for n in nights]) > 0.55
    assert np.mean([np.sum(n[1:] != n[:-1]) for n in nights]) > 60  # sleep is broken


def test_cycles_last_about_ninety_minutes():
    cycles_min = []
    for seed in range(20):
        rem = np.flatnonzero(hypnogram(np.random.default_rng(seed), 960) == "R")
        starts = rem[np.flatnonzero(np.diff(rem, prepend=-100) > 40)]  # periods 20 min apart
        cycles_min += (np.diff(starts) / 2).tolist()
    assert 75 < np.median(cycles_min) < 105


def test_too_short_a_night_is_refused():
    with pytest.raises(ValueError, match="4 epochs are too few"):
        hypnogram(np.random.default_rng(0), 4)
    with pytest.raises(ValueError, match=r"0\.1 hours are too few"):
        simulate_night(0, hours=0.1)


# --- the night ------------------------------------------------------------------------------------


def test_a_seed_is_a_night():
    np.random.seed(1)
    first = simulate_night(3, 1, RATE)
    np.random.seed(2)
    second, other = simulate_night(3, 1, RATE), simulate_night(4, 1, RATE)
    assert tuple(first.signals) == LANES
    assert first.events == second.events and first.subject == second.subject
    for lane in LANES:
        assert first.signals[lane].dtype == np.float32
        np.testing.assert_array_equal(first.signals[lane], second.signals[lane])
    assert first.stages != other.stages
    assert abs(np.corrcoef(first.signals["C4-M1"], other.signals["C4-M1"])[0, 1]) < 0.1


@given(rate_hz=st.sampled_from([64.0, 100.0, 125.0, 199.9, 256.016]) | st.floats(80, 300))
@settings(max_examples=6, deadline=None)
def test_the_rate_changes_neither_stages_nor_events(rate_hz):
    night, reference = simulate_night(5, 0.5, rate_hz), simulate_night(5, 0.5, RATE)
    assert night.stages == reference.stages
    assert night.events == reference.events
    assert {len(x) for x in night.signals.values()} == {int(np.ceil(1800 * rate_hz))}
    assert all(np.isfinite(x).all() for x in night.signals.values())
    rms = [band(n.signals["C4-M1"], 0.5, 25, n.rate_hz).std() for n in (night, reference)]
    assert rms[0] == pytest.approx(rms[1], rel=0.15)


def test_event_times_hold_to_the_end_at_a_fractional_rate():
    night = simulate_night(6, 8, 256.016)
    blinks = [e for e in events_of(night, "blink") if e.onset_s > 7 * 3600 and e.amplitude_uv > 80]
    late_s = [np.argmin(cut(night, "E1-M2", e)) / night.rate_hz - e.duration_s / 2 for e in blinks]
    assert len(late_s) > 3
    assert abs(np.median(late_s)) < 0.03  # counted at 256 Hz they would be 1.6 s off


def test_events_lie_where_their_stage_is(nights):
    home = {"spindle": "N2 N3", "k_complex": "N2", "slow_wave": "N3 N2", "sawtooth": "R",
            "vertex_wave": "N1 N2", "twitch": "R", "alpha": "W", "saccade": "R W",
            "blink": "W"}  # fmt: skip
    for kind, stages in home.items():
        found = [
            night.stages[int((e.onset_s + e.duration_s / 2) // EPOCH_S)]
            for night in nights
            for e in events_of(night, kind)
        ]
        at_home = np.isin(found, stages.split()).mean()
        assert len(found) > 20 and at_home > 0.7, (kind, len(found), at_home)


def test_spindles_stand_out_over_the_centre(nights):
    for night in nights:
        sigma = {lane: band(night.signals[lane], 11, 16) for lane in ("F4-M1", "C4-M1", "O2-M1")}
        spindles = events_of(night, "spindle", "C4-M1")
        for event in spindles:
            assert 0.5 <= event.duration_s <= 2
        rms = {
            lane: np.median([
                x[round(e.onset_s * RATE) : round((e.onset_s + e.duration_s) * RATE)].std()
                for e in spindles
            ])
            for lane, x in sigma.items()
        }  # fmt: skip
        stages = np.repeat(night.stages, EPOCH_S * int(RATE))
        assert rms["C4-M1"] > 1.8 * np.median(
            [sigma["C4-M1"][i : i + 100].std() for i in np.flatnonzero(stages == "N2")[::1000]]
        )
        assert rms["C4-M1"] > rms["F4-M1"] > rms["O2-M1"]


def test_k_complexes_are_as_deep_as_the_truth_says(nights):
    depth, front, back = [], [], []
    for night in nights:
        for event in events_of(night, "k_complex", "C4-M1"):
            depth.append(-cut(night, "C4-M1", event).min() / event.amplitude_uv)
            front.append(-cut(night, "F4-M1", event).min() / event.amplitude_uv)
            back.append(-cut(night, "O2-M1", event).min() / event.amplitude_uv)
    assert len(depth) > 60
    assert np.median(depth) == pytest.approx(1.1, abs=0.1)  # the background deepens the minimum
    assert np.median(depth) > np.median(back) + 0.3 and np.median(front) > np.median(back) + 0.3


def test_slow_waves_fill_n3_and_little_else(nights):
    shares = {"N2": [], "N3": [], "R": [], "W": []}
    for night in nights:
        share, stages = slow_wave_share(night, "F4-M1"), np.array(night.stages)
        for stage, found in shares.items():
            found += share[stages == stage].tolist()
    carrying = {stage: np.mean(np.array(found) > 0.2) for stage, found in shares.items()}
    assert carrying["N3"] >= 0.97
    assert carrying["N2"] <= 0.1
    assert carrying["R"] <= 0.02
    size = [np.ptp(cut(night, "F4-M1", e)) / e.amplitude_uv
            for night in nights for e in events_of(night, "slow_wave", "F4-M1")]  # fmt: skip
    assert np.median(size) == pytest.approx(1.2, abs=0.15)


def test_eyes_move_in_opposition(nights):
    for night in nights:
        blinks = events_of(night, "blink")
        depth = [(cut(night, "E1-M2", e, 0.1)[0] - cut(night, "E1-M2", e).min()) / e.amplitude_uv
                 for e in blinks]  # fmt: skip
        assert np.median(depth) == pytest.approx(1.05, abs=0.15)
        steps = []
        for event in events_of(night, "saccade"):
            e1, e2 = cut(night, "E1-M2", event), cut(night, "E2-M1", event)
            steps.append((e1[-1] - e1[0], e2[-1] - e2[0]))
        assert np.corrcoef(np.transpose(steps))[0, 1] < -0.7


def test_alpha_is_posterior_and_at_the_persons_frequency(nights):
    for night in nights:
        spell = max(events_of(night, "alpha"), key=lambda e: e.duration_s)
        rms = {lane: band(cut(night, lane, spell), 8, 12).std() for lane in ("F4-M1", "O2-M1")}
        assert rms["O2-M1"] > 1.5 * rms["F4-M1"]
        x = cut(night, "O2-M1", spell)
        power = np.abs(np.fft.rfft(x * np.hanning(len(x)))) ** 2
        hz = np.fft.rfftfreq(len(x), 1 / RATE)
        inside = (hz > 7) & (hz < 13)
        peak_hz = np.average(hz[inside], weights=power[inside])
        assert peak_hz == pytest.approx(night.subject["alpha_hz"], abs=0.6)


def test_heart_beats_at_the_persons_rate(nights):
    for night in nights:
        ecg = night.signals["ECG"]
        beats, _ = find_peaks(ecg, height=0.6 * night.subject["ecg_uv"], distance=30)
        bpm = len(beats) / (len(ecg) / RATE / 60)
        assert bpm == pytest.approx(night.subject["heart_bpm"], rel=0.03)


def test_the_two_sides_resemble_each_other_but_differ(nights):
    for night in nights:
        for left, right in (("F3-M2", "F4-M1"), ("C3-M2", "C4-M1"), ("O1-M2", "O2-M1")):
            r = np.corrcoef(*(band(night.signals[x], 0.5, 30) for x in (left, right)))[0, 1]
            assert 0.6 < r < 0.97


def test_muscle_tone_falls_with_depth_less_than_people_differ(nights):
    tone = {stage: [] for stage in STAGES}
    for night in nights:
        rms, stages = epoch_rms(night, "chin"), np.array(night.stages)
        for stage in STAGES:
            tone[stage].append(np.median(rms[stages == stage]))
        assert tone["R"][-1] < tone["N2"][-1] < tone["W"][-1]  # within one person
    assert max(tone["R"]) > min(tone["N2"]) and max(tone["N2"]) > min(tone["N1"])
    gain = [draw_subject(np.random.default_rng(seed))["muscle"] for seed in range(500)]
    assert np.quantile(gain, 0.95) / np.quantile(gain, 0.05) > MUSCLE_UV[CLOSED] / MUSCLE_UV[R]


@pytest.mark.parametrize("lane", ["C4-M1", "O2-M1", "E1-M2", "chin"])
def test_no_single_amplitude_gives_the_stage_away(nights, lane):
    """Return the most frequent stage among the 50 epochs of other people nearest in amplitude."""
    rms = [epoch_rms(night, lane) for night in nights]
    right = []
    for person, night in enumerate(nights):
        others = [i for i in range(len(nights)) if i != person]
        known = np.concatenate([rms[i] for i in others])
        stage = np.concatenate([nights[i].stages for i in others])
        for value, truth in zip(rms[person], night.stages, strict=True):
            nearest = stage[np.argsort(np.abs(np.log(known / value)))[:50]]
            right.append(max(STAGES, key=lambda s, n=nearest: np.sum(n == s)) == truth)
    print(f"{lane}: {np.mean(right):.3f}")
    assert np.mean(right) < 0.7


def test_a_white_background_is_flat_and_bare(nights):
    white = simulate_night(20, 3, RATE, background="white")
    assert white.stages == nights[0].stages
    assert {e.kind for e in white.events} == {"saccade", "slow_eye_movement", "blink", "twitch"}
    x = white.signals["C4-M1"].reshape(len(white.stages), -1)
    power = np.abs(np.fft.rfft(x[np.array(white.stages) == "N3"])) ** 2
    hz = np.fft.rfftfreq(x.shape[1], 1 / RATE)
    low, high = (power[:, (hz > a) & (hz < b)].mean() for a, b in ((2, 4), (25, 30)))
    assert low == pytest.approx(high, rel=0.25)
    with pytest.raises(ValueError, match="'pink'"):
        simulate_night(0, 1, RATE, background="pink")


# --- judged by software that learned from real nights ---------------------------------------------


def staged_by_yasa(night):
    import mne
    import yasa

    lanes = ["C4-M1", "E1-M2", "chin"]
    microvolts = np.array([night.signals[lane] for lane in lanes], float)
    info = mne.create_info(lanes, night.rate_hz, ["eeg", "eog", "emg"])
    raw = mne.io.RawArray(microvolts * 1e-6, info, verbose="error")
    found = yasa.SleepStaging(raw, eeg_name=lanes[0], eog_name=lanes[1], emg_name=lanes[2])
    return [{"WAKE": "W", "REM": "R"}.get(s, s) for s in found.predict().hypno.astype(str)]


def yasa_kappas(seeds, **options):
    from sklearn.metrics import cohen_kappa_score

    kappas = []
    for seed in seeds:
        night = simulate_night(seed, 8, 200.0, **options)
        kappas.append(cohen_kappa_score(night.stages, staged_by_yasa(night)))
    print([round(kappa, 3) for kappa in kappas])
    return np.array(kappas)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_yasa_stages_unseen_nights_as_well_as_real_ones():
    kappas = yasa_kappas(range(300, 308))
    assert 0.75 <= np.median(kappas) <= 0.90
    assert kappas.min() >= 0.60


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_yasa_stages_nothing_by_a_white_background():
    assert yasa_kappas(range(300, 303), background="white").max() < 0.2


def overlap(truth, found):
    """Return the shares of `truth` and of `found`, (n, 2) in s, that overlap one of the other."""
    meets = (truth[:, None, 0] < found[None, :, 1]) & (truth[:, None, 1] > found[None, :, 0])
    return meets.any(axis=1).mean(), meets.any(axis=0).mean()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("kinds", "lane", "recall", "precision"),
    [(["spindle"], "C4-M1", 0.6, 0.9), (["slow_wave", "k_complex"], "F4-M1", 0.4, 0.9)],
)
def test_yasa_detects_what_was_planted(kinds, lane, recall, precision):
    import yasa

    for seed in range(300, 303):
        night = simulate_night(seed, 8, RATE)
        hypno = np.repeat([STAGES.index(s) for s in night.stages], EPOCH_S * int(RATE))
        detect = yasa.spindles_detect if kinds == ["spindle"] else yasa.sw_detect
        found = detect(night.signals[lane].astype(float), RATE, hypno=hypno, include=(2, 3),
                       verbose="error").summary()[["Start", "End"]].to_numpy()  # fmt: skip
        planted = np.array([
            (e.onset_s, e.onset_s + e.duration_s)
            for e in night.events
            if e.kind in kinds
            and night.stages[int((e.onset_s + e.duration_s / 2) // EPOCH_S)] in ("N2", "N3")
        ])  # fmt: skip
        shares = overlap(planted, found)
        print(kinds, seed, len(planted), len(found), np.round(shares, 2))
        assert shares[0] >= recall and shares[1] >= precision
