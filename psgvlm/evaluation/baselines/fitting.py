"""Fit a signal network to nights: cut epochs, scale lanes, and sample the stages in balance."""

import copy
import tempfile
import time
from dataclasses import dataclass, field

import numpy as np

from psgvlm.evaluation.baselines.networks import RATE_HZ, SAMPLES, Architecture
from psgvlm.evaluation.corpus_nights import CorpusNight, stage_counts
from psgvlm.metrics.sleep_staging.figures import confusion, kappa
from psgvlm.signals.resampling import at_rate
from psgvlm.stages import STAGES

CLIP = 20.0  # standard deviations, so that a popping electrode does not dominate


@dataclass
class SignalNetwork:
    """One of braindecode's networks, trained on the lanes of the corpus' montage.

    Every lane is resampled to `RATE_HZ` and divided by its typical spread in the training nights; a
    lane that a recording lacks is 0. Sequences are sampled, and their epochs weighted, so that the
    five stages count alike. After every pass, kappa is computed on the validation nights, and the
    weights of the best pass are kept.

    Parameters
    ----------
    architecture : Architecture
        The network.
    passes : int
        The largest number of passes over the training nights.
    patience : int
        Training ends after this many passes without a better kappa.
    max_seconds : float
        The longest training, in seconds. With a limit, results depend on the machine's speed.
    seed : int
        Seed of the weights and of the sampling.
    device : str, optional
        A torch device. Default: CUDA if available, else the CPU.
    history : list of dict
        `loss` and validation `kappa` of each pass so far.
    """

    architecture: Architecture
    passes: int = 30
    patience: int = 6
    max_seconds: float = float("inf")
    seed: int = 0
    device: str | None = None
    history: list[dict] = field(default_factory=list)

    @property
    def name(self) -> str:
        """The baseline's name."""
        return self.architecture.name

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "SignalNetwork":
        """Train the network and keep the weights of the best pass."""
        import torch

        stage_counts(train)  # raises if there is no night to learn from
        self._device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        with tempfile.TemporaryFile() as file:
            signals, self.scale = _collect(train, file)
            with torch.random.fork_rng():
                torch.manual_seed(self.seed)
                self.model = self.architecture.build(signals.shape[1]).to(self._device)
                self._train(signals, train, validation)
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return the network's probabilities, float64 of shape (n_epochs, 5)."""
        return self._probabilities(_cut(night))

    def _train(self, signals, train: list[CorpusNight], validation: list[CorpusNight]) -> None:
        import torch

        stages = np.concatenate([night.stages for night in train])
        sampler = _BalancedSampler(
            stages, [len(night.index) for night in train], self.architecture, self.seed
        )
        weights = torch.tensor(sampler.weights(), dtype=torch.float32, device=self._device)
        held_out = [(_cut(night).astype(np.float16), night.stages) for night in validation]
        optimizer = torch.optim.AdamW(self.model.parameters(), self.architecture.learning_rate)
        start, best, kept, waited = time.monotonic(), -np.inf, None, 0
        self.history = []
        for _ in range(self.passes):
            losses = []
            self.model.train()
            for rows in sampler.one_pass():
                logits = self._logits(signals[rows])
                answers = torch.from_numpy(stages[rows]).to(self._device)
                loss = torch.nn.functional.cross_entropy(logits, answers, weights)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                if time.monotonic() - start > self.max_seconds:
                    break
            held_out_kappa = self._kappa(held_out)
            self.history.append({"loss": float(np.mean(losses)), "kappa": held_out_kappa})
            waited += 1
            if held_out_kappa is None or held_out_kappa > best:
                best, waited = best if held_out_kappa is None else held_out_kappa, 0
                kept = copy.deepcopy(self.model.state_dict())
            if waited >= self.patience or time.monotonic() - start > self.max_seconds:
                break
        self.model.load_state_dict(kept)

    def _kappa(self, nights: list[tuple[np.ndarray, np.ndarray]]) -> float | None:
        """Return Cohen's kappa over all epochs of the nights; `None` if there are no nights."""
        if not nights:
            return None
        names = np.array(STAGES)
        answers = [self._probabilities(signals).argmax(axis=1) for signals, _ in nights]
        scored = np.concatenate([stages for _, stages in nights])
        return float(kappa(confusion(names[scored], names[np.concatenate(answers)])))

    def _probabilities(self, signals: np.ndarray) -> np.ndarray:
        """Return the probabilities of one night's epochs, float64 of shape (n_epochs, 5)."""
        import torch

        n, length = len(signals), min(self.architecture.sequence, len(signals))
        starts = np.minimum(
            np.arange(0, n, length), n - length
        )  # the last sequence ends with the night
        p = np.empty((n, len(STAGES)))
        self.model.eval()
        with torch.inference_mode():
            for first in range(0, len(starts), self.architecture.batch):
                rows = starts[first : first + self.architecture.batch, None] + np.arange(length)
                logits = self._logits(signals[rows]).double()
                p[rows] = torch.softmax(logits, dim=1).cpu().numpy().transpose(0, 2, 1)
        return p

    def _logits(self, signals: np.ndarray):
        """Return logits, (n, 5, sequence), from µV, (n, sequence, lanes, samples)."""
        import torch

        scaled = signals.astype(np.float32) / self.scale[:, None]
        scaled = np.nan_to_num(scaled, nan=0.0).clip(-CLIP, CLIP)
        x = torch.from_numpy(scaled).to(self._device)
        logits = self.model(x if self.architecture.sequence > 1 else x[:, 0])
        return logits if logits.ndim == 3 else logits[:, :, None]


class _BalancedSampler:
    """Samples sequences of the training nights such that every stage is chosen equally often."""

    def __init__(self, stages, lengths: list[int], architecture: Architecture, seed: int):
        self.stages = stages
        self.rows = [rows for s in range(len(STAGES)) if len(rows := np.flatnonzero(stages == s))]
        self.sequence = min(architecture.sequence, *lengths)  # all of a batch have one length
        self.first = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)  # of the night
        self.last = self.first + np.repeat(lengths, lengths) - self.sequence
        self.batch = architecture.batch
        self.steps = max(1, round(len(stages) / (self.batch * self.sequence)))
        self.rng = np.random.default_rng(seed)

    def weights(self) -> np.ndarray:
        """Return the weight of each stage in the loss, float64 of shape (5,).

        A sequence holds further stages than the one it was chosen for; weights make up for that.
        """
        rows = np.concatenate([rows.ravel() for rows in self.one_pass()])
        counts = np.bincount(self.stages[rows], minlength=len(STAGES))
        return np.where(counts > 0, len(rows) / len(self.rows) / counts.clip(1), 0.0)

    def one_pass(self):
        """Yield the rows of each batch of a pass, int of shape (batch, sequence)."""
        for _ in range(self.steps):
            chosen = self.rng.integers(len(self.rows), size=self.batch)
            anchors = np.array([self.rng.choice(self.rows[stage]) for stage in chosen])
            starts = anchors - self.rng.integers(self.sequence, size=self.batch)
            starts = starts.clip(self.first[anchors], self.last[anchors])
            yield starts[:, None] + np.arange(self.sequence)


def _cut(night: CorpusNight) -> np.ndarray:
    """Return a night's epochs in µV, float32 of shape (n_epochs, lanes, samples).

    A lane that the recording lacks is NaN.
    """
    signal = night.require_signal()
    first = np.round(signal.starts_s * RATE_HZ).astype(int)
    lanes = []
    for trace in signal.traces():
        if trace is None:
            lanes.append(np.full((len(first), SAMPLES), np.nan, np.float32))
        else:
            # The last epoch may be a sample or two short.
            samples = np.pad(at_rate(trace, RATE_HZ), (0, RATE_HZ))
            lanes.append(samples[first[:, None] + np.arange(SAMPLES)])
    return np.stack(lanes, axis=1)


def _collect(nights: list[CorpusNight], file) -> tuple[np.ndarray, np.ndarray]:
    """Write all epochs of the nights to a file; return them and the scale of each lane in µV.

    The epochs are float16 of shape (n_epochs, lanes, samples), mapped from the file, so that memory
    does not grow with the number of nights. The scale of a lane is the median over nights of its
    interquartile range, converted to the standard deviation of a normal distribution. It is
    infinite if no night has the lane.
    """
    spans, count = [], 0
    for night in nights:
        epochs = _cut(night)
        low, high = np.percentile(epochs, (25, 75), axis=(0, 2))
        spans.append(high - low)
        epochs.clip(-60_000, 60_000).astype(np.float16).tofile(file)
        count += len(epochs)
    file.flush()
    spans = np.array(spans)
    spans[~(spans > 0)] = np.nan
    known = np.isfinite(spans).any(axis=0)
    scale = np.full(spans.shape[1], np.inf)
    scale[known] = np.nanmedian(spans[:, known], axis=0) / 1.349
    shape = (count, spans.shape[1], SAMPLES)
    return np.memmap(file, np.float16, "r", shape=shape), scale.astype(np.float32)
