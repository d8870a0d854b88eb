"""Signal networks, fitted for a few steps on simulated nights of 30 minutes."""

import sys
from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from nights import damaged, few, without

from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.evaluation import corpus_nights
from psgvlm.evaluation.baselines import fitting, networks
from psgvlm.evaluation.baselines.fitting import SignalNetwork
from psgvlm.evaluation.baselines.networks import ARCHITECTURES, RATE_HZ, SAMPLES, Architecture


@pytest.fixture(scope="module")
def nights(corpus, raw):
    """One night of each cohort for training, and one night to validate and stage."""
    rows = {split: loading.load_split(str(corpus), split) for split in ("train", "test")}
    train = corpus_nights.with_signals(rows["train"], corpus, raw)
    return train, corpus_nights.with_signals(rows["test"].select(range(20)), corpus, raw)


def small(build=None, sequence=1):
    """A small network: the power of tenths of a second, and one layer."""
    import torch

    class Powers(torch.nn.Module):
        def __init__(self, lanes):
            super().__init__()
            self.layer = torch.nn.Linear(2 * lanes, 5)

        def forward(self, x):
            pieces = x.unflatten(-1, (-1, 10))
            slow, fast = pieces.mean(dim=-1).square(), pieces.var(dim=-1)
            power = torch.cat([slow.mean(dim=-1), fast.mean(dim=-1)], dim=-1)
            logits = self.layer(torch.log1p(power))
            return logits.movedim(-1, 1) if x.ndim == 4 else logits

    return Architecture("small", build or Powers, sequence, batch=16, learning_rate=3e-2)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_braindecode_s_networks_train_and_stage_nights_that_lack_lanes(nights, name):
    train, test = nights
    train = [few(night, 12) for night in train]
    usual = ARCHITECTURES[name]
    architecture = replace(
        usual, batch=9, sequence=min(usual.sequence, 4), learning_rate=2 * usual.learning_rate
    )
    fitted = SignalNetwork(architecture, passes=8).fit(train, [])
    losses = [each["loss"] for each in fitted.history]
    print(name, losses)
    assert len(losses) == 8
    assert np.mean(losses[-2:]) < np.mean(losses[:2])
    for night in (few(test[0], 9), without(few(test[0], 2), "E1", "chin"), few(test[0], 1)):
        p = fitted.probabilities(night)
        assert p.shape == (len(night.index), 5)
        assert np.isfinite(p).all()
        assert np.allclose(p.sum(axis=1), 1)


@pytest.mark.parametrize("sequence", [1, 7])
def test_a_network_learns_and_keeps_its_best_pass(nights, sequence):
    train, test = nights
    fitted = SignalNetwork(small(sequence=sequence), passes=40, patience=8).fit(train, test)
    kappas = [each["kappa"] for each in fitted.history]
    assert fitted.history[-1]["loss"] < 0.8 * fitted.history[0]["loss"]
    assert max(kappas) > 0.3
    assert len(kappas) == 40 or kappas.index(max(kappas)) == len(kappas) - 9
    kept = fitted._kappa([(fitting._cut(n).astype(np.float16), n.stages) for n in test])
    assert kept == pytest.approx(max(kappas), abs=1e-9)


def test_the_same_seed_gives_the_same_numbers(nights):
    import torch

    train, test = nights
    before = torch.random.get_rng_state()
    one, same, other = (
        SignalNetwork(small(), passes=2, seed=seed).fit(train, []).probabilities(test[0])
        for seed in (0, 0, 1)
    )
    assert np.array_equal(one, same)
    assert not np.array_equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_time_and_patience_end_the_training(nights):
    train, test = nights
    assert len(SignalNetwork(small(), passes=50, max_seconds=0).fit(train, test).history) == 1

    def stuck(lanes):
        import torch

        model = small().build(lanes)
        for parameter in model.parameters():
            torch.nn.init.zeros_(parameter)
        return torch.nn.Sequential(torch.nn.Threshold(1e9, 0.0), model)  # sees nothing

    fitted = SignalNetwork(small(stuck), passes=50, patience=3).fit(train, test)
    assert len(fitted.history) < 50


def test_epochs_are_cut_by_the_clock_and_missing_lanes_are_marked(nights):
    night = nights[0][1]  # MASS: the scores start within the record
    cut = fitting._cut(without(night, "E2"))
    assert cut.shape == (len(night.index), 4, SAMPLES)
    assert np.isnan(cut[:, 2]).all()
    trace, row = night.signal.traces()[0], 5
    start_s = night.signal.starts_s[row]
    t = start_s + np.arange(SAMPLES) / RATE_HZ
    there = np.interp(t, np.arange(len(trace.samples_uv)) / trace.rate_hz, trace.samples_uv)
    assert np.corrcoef(cut[row, 0], there)[0, 1] > 0.999


def test_lanes_are_scaled_by_the_training_nights_and_missing_lanes_are_zero(nights, tmp_path):
    train = [without(night, "chin") for night in nights[0][:2]]
    with (tmp_path / "epochs").open("w+b") as file:
        stored, scale = fitting._collect(train, file)
        cut = [fitting._cut(night) for night in train]
        assert np.allclose(stored, np.concatenate(cut), atol=0.5, rtol=1e-3, equal_nan=True)
    spans = [np.subtract(*np.percentile(epochs[:, 0], (75, 25))) for epochs in cut]
    assert scale[0] == pytest.approx(np.median(spans) / 1.349, rel=1e-4)
    assert np.isinf(scale[3])
    fitted = SignalNetwork(small(), passes=1).fit(train, [])
    with_chin, chinless = few(nights[0][0], 5), few(train[0], 5)
    assert np.array_equal(fitted.probabilities(with_chin), fitted.probabilities(chinless))


def test_stages_are_sampled_equally_and_sequences_stay_within_a_night():
    stages = np.array([0] * 90 + [2] * 9 + [4] + [2] * 30)
    architecture = replace(small(), sequence=1, batch=10)
    draw = fitting._BalancedSampler(stages, [100, 30], architecture, seed=0)
    drawn = np.concatenate([rows for _ in range(30) for rows in draw.one_pass()])
    shares = np.bincount(stages[drawn[:, 0]], minlength=5) / len(drawn)
    assert np.allclose(shares, [1 / 3, 0, 1 / 3, 0, 1 / 3], atol=0.08)
    assert np.allclose(draw.weights(), [1, 0, 1, 0, 1], atol=0.4)
    draw = fitting._BalancedSampler(stages, [100, 30], replace(architecture, sequence=8), seed=0)
    for rows in (rows for _ in range(30) for rows in draw.one_pass()):
        assert rows.shape == (10, 8)
        assert (np.diff(rows, axis=1) == 1).all()
        assert ((rows[:, 0] >= 100) == (rows[:, -1] >= 100)).all()
        assert rows.max() < 130
    assert draw.weights()[4] > 1 > draw.weights()[0]


@pytest.mark.parametrize("kind", ["lost_from", "white"])
def test_damage_changes_probabilities_and_raises_nothing(nights, kind):
    train, test = nights
    fitted = SignalNetwork(small(), passes=1).fit(train, [])
    p = fitted.probabilities(damaged(test[0], kind, share=0.9, seed=1))
    assert np.isfinite(p).all()
    assert not np.allclose(p, fitted.probabilities(test[0]))


def test_nothing_to_learn_from_is_refused():
    with pytest.raises(InputError, match="no nights to learn from"):
        SignalNetwork(small()).fit([], [])


def test_the_placeholder_of_torchaudio_is_removed():
    """It exists during the import of braindecode only, so nobody takes torchaudio for installed."""
    module = networks._Placeholder("torchaudio.functional")
    with pytest.raises(RuntimeError, match=r"torchaudio.functional.lfilter was called"):
        module.lfilter(1, 2)
    present = find_spec("torchaudio") is not None
    networks.braindecode_models()
    assert (find_spec("torchaudio") is not None) == present
    assert present or "torchaudio" not in sys.modules


def test_without_braindecode_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "braindecode", None)
    with pytest.raises(InputError, match="pip install --no-deps braindecode"):
        networks.braindecode_models()
