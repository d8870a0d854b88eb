"""Findings agree with the events of a simulated night, and lanes that are missing have none."""

import json
from dataclasses import replace

import numpy as np
import pytest
from prepared import SPEC, night

from psgvlm.chat import findings
from psgvlm.chat.findings import EpochFindings, measure
from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.signals import waves
from psgvlm.signals.traces import Trace


def planted(*kinds):
    """Return the spans of the simulated events of some kinds, in seconds of the record."""
    spans = [(e.onset_s, e.onset_s + e.duration_s) for e in night().events if e.kind in kinds]
    return np.array(spans)


def detected(pick):
    """Return the spans that `pick` takes from every epoch, in seconds of the record."""
    return np.array([
        (onset_s + start, onset_s + stop)
        for onset_s, seen in zip(night().onsets_s, night().seen, strict=True)
        for start, stop in pick(seen)
    ])  # fmt: skip


def shares(truth, spans):
    """Return recall and precision: the shares of `truth` and of `spans` that overlap the other."""
    recall, precision = (
        np.mean([np.any((b[:, 0] < stop) & (b[:, 1] > start)) for start, stop in a])
        for a, b in ((truth, spans), (spans, truth))
    )
    print(len(truth), len(spans), round(recall, 3), round(precision, 3))
    return recall, precision


def lane(seen, name):
    return next(eeg for eeg in seen.eeg if eeg.lane == name)


@pytest.mark.parametrize(
    ("kinds", "pick", "recall", "precision"),
    [
        (["spindle"], lambda seen: lane(seen, "C4-M1").spindles, 0.65, 0.95),
        (["k_complex"], lambda seen: lane(seen, "C4-M1").k_complexes, 0.65, 0.55),
        (["slow_wave", "k_complex"], lambda seen: lane(seen, "F4-M1").slow_waves, 0.75, 0.9),
        (["saccade", "blink"], lambda seen: seen.eyes.fast, 0.5, 0.9),
        (["slow_eye_movement"], lambda seen: seen.eyes.slow, 0.65, 0.9),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_detected_events_are_the_simulated_ones(kinds, pick, recall, precision):
    measured = shares(planted(*kinds), detected(pick))
    assert measured[0] >= recall and measured[1] >= precision


def test_a_detected_k_complex_is_one_or_an_isolated_slow_wave():
    spans = detected(lambda seen: lane(seen, "C4-M1").k_complexes)
    assert shares(planted("k_complex", "slow_wave"), spans)[1] >= 0.95


def test_alpha_rhythm_fills_most_of_the_epochs_with_eyes_closed():
    closed_s = np.zeros(len(night().seen))
    for start, stop in planted("alpha"):
        for epoch in range(int(start // 30), int(np.ceil(stop / 30))):
            closed_s[epoch] += min(stop, 30 * epoch + 30) - max(start, 30 * epoch)
    alpha = np.array([lane(seen, "O2-M1").alpha_s > 15 for seen in night().seen])
    agree = np.mean(alpha == (closed_s > 15))
    print(agree)
    assert agree >= 0.95
    assert alpha.any() and not alpha.all()


def test_slow_waves_fill_a_fifth_of_n3_and_of_little_else():
    stages = np.array(night().stages)
    rule = np.array([lane(seen, "F4-M1").slow_wave_s >= 6 for seen in night().seen])
    assert rule[stages == "N3"].mean() >= 0.95
    assert rule[stages != "N3"].mean() <= 0.1


def test_tone_is_low_in_r_and_rarely_elsewhere():
    stages = np.array(night().stages)
    tone = np.array([seen.muscle.tone for seen in night().seen])
    assert np.mean(tone[stages == "R"] == "low") >= 0.7
    assert np.mean(tone[stages == "W"] == "low") <= 0.05
    assert set(tone) == {"low", "intermediate", "high"}


def test_the_leading_rhythm_follows_the_stage():
    stages = np.array(night().stages)
    delta = np.array([lane(seen, "C4-M1").shares[0] for seen in night().seen])
    assert np.median(delta[stages == "N3"]) > np.median(delta[stages == "N2"]) > 0.5
    leads = np.array([lane(seen, "O2-M1").leading for seen in night().seen])
    assert np.mean(leads[stages == "W"] == "alpha") > np.mean(leads[stages == "N2"] == "alpha")
    for seen in night().seen:
        for eeg in seen.eeg:
            assert sum(eeg.shares) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize("hz", [2, 6, 10, 14, 20])
def test_a_tone_leads_its_band(hz):
    t = np.arange(0, 120, 0.01)
    tone = Trace((20 * np.sin(2 * np.pi * hz * t)).astype(np.float32), 100.0)
    (seen,) = measure([tone, None, None, None], PRESETS["square"], [30.0])
    (eeg,) = seen.eeg
    assert BAND[hz] == eeg.leading
    assert eeg.alpha_s == (30 if hz == 10 else 0)


BAND = {2: "delta", 6: "theta", 10: "alpha", 14: "sigma", 20: "beta"}


def test_single_waves_are_detected_at_their_times():
    """Noise of 3 µV, one spindle at 41 s, one K-complex at 50 s, on a record of two minutes."""
    rng, rate = np.random.default_rng(0), 128.0
    t = np.arange(0, 120, 1 / rate)
    x = rng.normal(0, 3, len(t))
    x += 25 * np.sin(2 * np.pi * 13 * t) * np.sin(np.pi * np.clip(t - 41, 0, 1))
    x -= 90 * np.sin(2 * np.pi * np.clip(t - 50, 0, 1))
    (seen,) = measure([Trace(x.astype(np.float32), rate)] + [None] * 3, PRESETS["square"], [30.0])
    (eeg,) = seen.eeg
    ((start, stop),) = eeg.spindles
    assert 10.8 < start < 11.4 and 11.6 < stop < 12.2
    ((start, stop),) = eeg.k_complexes
    assert 19.5 < start < 20.4 and 20.6 < stop < 21.8


def test_missing_lanes_have_no_findings():
    brain, *_, chin = night().traces
    spec = PRESETS["square"]
    alone = measure([brain, None, None, None], spec, night().onsets_s[:9])
    assert all(seen.eyes is None and seen.muscle is None for seen in alone)
    assert [[eeg.lane for eeg in seen.eeg] for seen in alone] == [["C4-M1"]] * 9
    one_eye = measure([None, night().traces[3], None, chin], spec, night().onsets_s[:9])
    assert all(seen.eyes is None and not seen.eeg for seen in one_eye)
    assert all(seen.muscle for seen in one_eye)
    assert measure([None] * 4, spec, [0.0]) == [EpochFindings()]


def test_seconds_without_signal_have_no_findings():
    """Every lane loses ten seconds of one epoch, and twenty seconds of another."""
    calm = measure(night().traces, SPEC, night().onsets_s)
    chosen = [
        i for i, seen in enumerate(calm) if len(lane(seen, "C4-M1").spindles) >= 2 and i > 5
    ][:2]  # fmt: skip
    for value in (np.nan, 0.0, np.inf):
        traces = []
        for trace in night().traces:
            samples = trace.samples_uv.copy()
            for epoch, lost_s in zip(chosen, (10, 20), strict=True):
                first = round((30 * epoch + 5) * trace.rate_hz)
                samples[first : first + round(lost_s * trace.rate_hz)] = value
            traces.append(replace(trace, samples_uv=samples))
        seen = measure(traces, SPEC, night().onsets_s)
        assert seen[chosen[1]] == EpochFindings()
        partly = seen[chosen[0]]
        assert {eeg.lost_s for eeg in partly.eeg} == {10}
        assert partly.eyes.lost_s == partly.muscle.lost_s == 10
        for eeg in partly.eeg:
            spans = [*eeg.spindles, *eeg.k_complexes, *eeg.slow_waves]
            assert not any(start < 15 and stop > 5 for start, stop in spans)
        far = [i for i in range(len(seen)) if min(abs(i - c) for c in chosen) > 3]
        same = [seen[i].eyes == calm[i].eyes for i in far]
        assert np.mean(same) > 0.99


def test_a_record_without_signal_has_no_findings():
    nothing = [replace(t, samples_uv=np.full_like(t.samples_uv, np.nan)) for t in night().traces]
    assert measure(nothing, SPEC, [0.0, 30.0]) == [EpochFindings(), EpochFindings()]


def test_a_record_of_one_epoch_has_findings():
    short = [replace(t, samples_uv=t.samples_uv[:6000]) for t in night().traces]
    (seen,) = measure(short, SPEC, [0.0])
    assert len(seen.eeg) == 3 and seen.eyes and seen.muscle


@pytest.mark.parametrize("rate_hz", [125.0, 256.016])
def test_findings_hardly_depend_on_the_rate(rate_hz):
    """Events are detected in the same seconds at any rate, to the end of the night."""
    other = night(rate_hz=rate_hz)
    for kind in ("spindles", "slow_waves"):
        mine, theirs = (
            {(i, round(a)) for i, seen in enumerate(n.seen) for a, _ in getattr(seen.eeg[1], kind)}
            for n in (night(), other)
        )
        # The noise differs with the rate, the events do not.
        assert len(mine & theirs) > 0.55 * max(len(mine), len(theirs))


def test_findings_are_reproducible_and_survive_json():
    again = measure(night().traces, SPEC, night().onsets_s)
    assert again == night().seen
    for seen in again:
        assert EpochFindings.from_dict(json.loads(json.dumps(seen.to_dict()))) == seen


def test_findings_of_an_epoch_do_not_depend_on_the_other_epochs():
    some = night().onsets_s[3::40]
    assert measure(night().traces, SPEC, some) == night().seen[3::40]


def test_waves_are_detected_across_the_pieces_of_a_record():
    """Slow waves have fixed limits, so they are the same by the hour and by the minute."""
    trace = night().traces[0]
    x, rate_hz = trace.samples_uv[: 1800 * 200 : 2], trace.rate_hz / 2
    whole = waves.slow_waves(x, rate_hz)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(waves, "PIECE_S", 60.0)
        minutes = waves.slow_waves(x, rate_hz)
    for one, other in zip(whole, minutes, strict=True):
        assert len(one) > 10
        assert abs(len(one) - len(other)) <= 0.02 * len(one) + 1
        assert waves.overlap(one, other).mean() > 0.98


def test_without_yasa_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "yasa", None)
    with pytest.raises(InputError, match=r"yasa is not installed.*pip install yasa"):
        findings.measure(night().traces, SPEC, [0.0])
