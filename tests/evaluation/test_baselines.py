"""Floors, yasa, the vision probe and the base model, on nights of the simulated corpus."""

from dataclasses import replace

import numpy as np
import pytest
from datasets import Dataset
from nights import damaged, few, without

from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.evaluation import baseline_names, baselines, corpus_nights
from psgvlm.evaluation import corpus_nights as nights_of
from psgvlm.evaluation.baselines.floors import MajorityBaseline, TransitionBaseline
from psgvlm.evaluation.baselines.vision import VisionProbe, ZeroShot, features
from psgvlm.evaluation.baselines.yasa_stager import YasaBaseline
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.image_spec import PRESETS
from psgvlm.models import inference, vlm
from psgvlm.models.tiny import build_tiny
from psgvlm.signals.resampling import at_rate
from psgvlm.signals.traces import Trace
from psgvlm.stages import STAGES

SPEC = PRESETS["square"]


def scored(stages, epochs=None):
    """A night that has stages only."""
    columns = {"stage": [STAGES.index(stage) for stage in stages.split()]}
    columns["epoch"] = list(epochs or range(len(columns["stage"])))
    return CorpusNight(Dataset.from_dict(columns), np.arange(len(columns["stage"])), SPEC)


@pytest.fixture(scope="module")
def nights(corpus, raw):
    """The nights of the train and test splits of all three cohorts."""
    return {
        split: corpus_nights.with_signals(loading.load_split(str(corpus), split), corpus, raw)
        for split in ("train", "test")
    }


def check(p, night):
    assert p.shape == (len(night.index), 5)
    assert p.dtype == np.float64
    assert np.isfinite(p).all()
    assert (p >= 0).all()
    assert np.allclose(p.sum(axis=1), 1)


def test_every_baseline_can_be_made_by_its_name(adapted):
    from psgvlm.evaluation.baselines.networks import ARCHITECTURES

    assert tuple(ARCHITECTURES) == baseline_names.NETWORKS
    for name in baseline_names.NAMES:
        assert baselines.make(name, adapted, seed=1, max_seconds=10).name == name
    with pytest.raises(InputError, match="'jassa'; expected one of majority, transitions"):
        baselines.make("jassa")


# --- floors ---------------------------------------------------------------------------------------


def test_majority_gives_the_shares_of_the_training_nights():
    fitted = MajorityBaseline().fit([scored("W W N2 N2"), scored("N2 N2 R N2")], [])
    p = fitted.probabilities(scored("W N1 N2"))
    assert p.tolist() == [[0.25, 0, 0.625, 0, 0.125]] * 3


def test_transitions_are_counted_within_nights_and_not_across_gaps():
    fitted = TransitionBaseline().fit([scored("W W N1 N2"), scored("W N2 R", [4, 5, 9])], [])
    counts = np.ones((5, 5))
    for one, other in (("W", "W"), ("W", "N1"), ("N1", "N2"), ("W", "N2")):
        counts[STAGES.index(one), STAGES.index(other)] += 1
    assert np.allclose(fitted.follow, counts / counts.sum(axis=1, keepdims=True))
    assert np.allclose(fitted.start, np.array([3, 1, 1, 1, 1]) / 7)
    night = scored("N2 N2 R", [7, 8, 11])
    p = fitted.probabilities(night)
    check(p, night)
    for row, steps in zip(p, (0, 1, 4), strict=True):
        assert np.allclose(row, fitted.start @ np.linalg.matrix_power(fitted.follow, steps))


def test_transitions_are_better_than_majority_on_nights_of_a_chain():
    """Its log loss is lower than that of majority, and near that of the true chain."""
    rng = np.random.default_rng(0)
    chain = np.full((5, 5), 0.02) + 0.9 * np.eye(5)
    drawn = []
    for _ in range(60):
        stages = [0]
        for _ in range(39):
            stages.append(rng.choice(5, p=chain[stages[-1]]))
        drawn.append(scored(" ".join(STAGES[stage] for stage in stages)))

    def loss(fitted):
        return np.mean([
            -np.log(fitted.probabilities(night)[np.arange(40), night.stages])
            for night in drawn[40:]
        ])  # fmt: skip

    truth = TransitionBaseline()
    truth.start, truth.follow = np.eye(5)[0], chain
    fitted = loss(TransitionBaseline().fit(drawn[:40], []))
    assert fitted < loss(MajorityBaseline().fit(drawn[:40], [])) - 0.05
    assert fitted < loss(truth) + 0.05


@pytest.mark.parametrize("floor", [MajorityBaseline, TransitionBaseline])
def test_nothing_to_learn_from_is_refused(floor):
    with pytest.raises(InputError, match="no nights to learn from"):
        floor().fit([], [])


# --- another rate ---------------------------------------------------------------------------------


@pytest.mark.parametrize("rate_hz", [50.0, 128.0, 199.99, 256.016])
def test_resampling_keeps_time_and_does_not_alias(rate_hz):
    seconds, hz = 600, 9.7
    t = np.arange(round(seconds * rate_hz)) / rate_hz
    tones = np.sin(2 * np.pi * hz * t)
    if rate_hz > 150:
        tones += np.sin(2 * np.pi * 62.0 * t)
    at_100 = at_rate(Trace(tones.astype(np.float32), rate_hz), 100)
    assert len(at_100) == seconds * 100
    ideal = np.sin(2 * np.pi * hz * np.arange(len(at_100)) / 100)
    within = slice(200, -200)
    assert np.abs(at_100 - ideal)[within].max() < 0.02
    power = np.abs(np.fft.rfft(at_100[within] * np.hanning(len(at_100[within])))) ** 2
    bins = np.fft.rfftfreq(len(at_100[within]), 0.01)
    assert power[np.abs(bins - 38.0) < 0.5].max() < 1e-6 * power.max()  # 62 Hz, folded


def test_resampling_replaces_nan_and_infinity_by_zero():
    samples = np.ones(1000, np.float32)
    samples[100:200] = np.nan
    samples[300] = np.inf
    at_100 = at_rate(Trace(samples, 100.0), 100)
    assert np.isfinite(at_100).all()
    assert (at_100 == 0).sum() == 101


# --- yasa -----------------------------------------------------------------------------------------


def directly(night, names=("C4-M1", "E1", "chin")):
    """The probabilities of yasa itself, given the lanes at their own rate."""
    import mne
    import yasa

    signal = night.signal
    traces = dict(zip(signal.lanes.filled_names, filter(None, signal.raw_traces()), strict=True))
    (rate_hz,) = {traces[name].rate_hz for name in names}
    first_s = night.signal.starts_s[0] % 30
    signals = np.array([traces[name].samples_uv for name in names], float)
    kinds = ["eeg", "eog", "emg"][: len(names)]
    raw = mne.io.RawArray(
        signals[:, round(first_s * rate_hz) :] * 1e-6, mne.create_info(kinds, rate_hz, kinds)
    )
    stager = yasa.SleepStaging(raw, eeg_name="eeg", **{f"{kind}_name": kind for kind in kinds[1:]})
    p = stager.predict().proba[["WAKE", "N1", "N2", "N3", "REM"]].to_numpy()
    epochs = (night.signal.starts_s - first_s) / 30
    assert np.allclose(epochs, np.round(epochs), atol=1e-3)
    return p[np.round(epochs).astype(int).clip(0, len(p) - 1)]


@pytest.mark.filterwarnings("ignore")
def test_the_baseline_gives_what_yasa_itself_gives(nights):
    """MASS is the hard case: scores start within the record and the rate is no whole number."""
    (night,) = [night for night in nights["test"] if night.name.startswith("mass")]
    p = YasaBaseline().fit([], []).probabilities(night)
    check(p, night)
    assert night.signal.starts_s[0] % 30 > 1
    assert np.abs(p - directly(night)).mean() < 0.02
    assert (p.argmax(axis=1) == night.stages).mean() > 0.5


@pytest.mark.filterwarnings("ignore")
def test_yasa_stages_with_an_eeg_lane_alone(nights):
    """SHHS has different rates for EOG and EEG."""
    night = without(nights["test"][2], "E1", "E2", "chin")
    p = YasaBaseline().probabilities(night)
    check(p, night)
    assert np.abs(p - directly(night, ["C4-M1"])).mean() < 0.02
    other_eye = YasaBaseline().probabilities(without(nights["test"][2], "E1"))
    check(other_eye, night)
    assert not np.allclose(other_eye, p)
    with pytest.raises(InputError, match="no EEG lane"):
        YasaBaseline().probabilities(without(night, "C4-M1"))


@pytest.mark.parametrize("kind", ["lost_from", "lost", "white"])
def test_damage_changes_yasas_probabilities_and_raises_nothing(nights, kind):
    night = nights["test"][2]
    p = YasaBaseline().probabilities(damaged(night, kind, share=0.6, seed=1))
    check(p, night)
    assert not np.allclose(p, YasaBaseline().probabilities(night))


# --- the vision tower alone -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def tiny():
    base, processor = build_tiny(SPEC, seed=3)
    return vlm.StagingModel(base.eval(), processor, SPEC)


def test_features_are_the_mean_of_the_language_model_s_input(tiny, nights):
    import torch

    pictures = list(few(nights["test"][0], 3).pictures())
    found = np.array(list(features(tiny, pictures, batch_size=2)))
    assert found.shape == (3, 128)
    inputs = tiny.processor.image_processor(images=pictures[2:], return_tensors="pt")
    with torch.no_grad():
        tower = tiny.model.model.vision_tower(inputs["pixel_values"], output_hidden_states=True)
        given = tiny.model.model.multi_modal_projector(tower.hidden_states[-1])
    assert given.shape == (1, 144, 128)
    assert np.allclose(found[2], given[0].mean(dim=0).numpy(), atol=1e-5)


def test_a_probe_learns_and_leaves_the_model_unchanged(tiny, nights):
    before = {name: value.clone() for name, value in tiny.model.state_dict().items()}
    train = nights["train"]
    fitted = VisionProbe(tiny).fit(train, [])
    right = [(fitted.probabilities(n).argmax(axis=1) == n.stages).mean() for n in train]
    commonest = nights_of.stage_counts(train).max() / nights_of.stage_counts(train).sum()
    assert np.mean(right) > commonest + 0.1
    night = nights["test"][0]
    p = fitted.probabilities(night)
    check(p, night)
    again = VisionProbe(tiny).fit(train, []).probabilities(night)
    assert np.array_equal(p, again)
    assert all(np.array_equal(before[k], v) for k, v in tiny.model.state_dict().items())


def test_a_probe_gives_probability_0_to_a_stage_it_never_saw(tiny, nights):
    night = nights["train"][0]
    present = np.flatnonzero(np.isin(night.stages, [0, 2]))
    some = replace(night, rows=night.rows.select(present), index=night.index[present], signal=None)
    p = VisionProbe(tiny).fit([some], []).probabilities(night)
    check(p, night)
    assert (p[:, [1, 3, 4]] == 0).all()
    one = replace(some, rows=some.rows.select([0]), index=some.index[:1])
    with pytest.raises(InputError, match="one stage only"):
        VisionProbe(tiny).fit([one], [])


# --- the base model -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def adapted(tmp_path_factory):
    """A LoRA adapter with random weights on the tiny model, loaded as psgvlm eval loads one."""
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("adapted")
    base, processor = build_tiny(SPEC, seed=3)
    base.save_pretrained(folder / "base")
    processor.save_pretrained(folder / "base")
    base.name_or_path = str(folder / "base")
    lora = LoraConfig(r=4, target_modules=r".*language_model.*\.(q|v)_proj",
                      init_lora_weights=False)  # fmt: skip
    get_peft_model(base, lora).save_pretrained(folder / "adapter")
    processor.save_pretrained(folder / "adapter")
    SPEC.save(folder / "adapter")
    return vlm.load(str(folder / "adapter"))


def test_zero_shot_equals_the_base_model(adapted, tiny, nights):
    night = few(nights["test"][1], 6)
    pictures = [[picture] for picture in night.pictures()]
    of_adapter = np.array(list(inference.probabilities(adapted, pictures)))
    of_base = np.array(list(inference.probabilities(tiny, pictures)))
    p = ZeroShot(adapted).fit([], []).probabilities(night)
    check(p, night)
    assert np.allclose(p, of_base, atol=1e-6)
    assert np.abs(of_adapter - of_base).max() > 1e-3
    assert np.allclose(of_adapter, list(inference.probabilities(adapted, pictures)))


def test_zero_shot_of_a_model_without_a_base_is_refused(tiny):
    with pytest.raises(InputError, match="leave this baseline out"):
        ZeroShot(tiny)
