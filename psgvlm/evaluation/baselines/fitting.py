"""How a signal network is fitted to nights: epochs cut, scaled, drawn with stages in balance."""

import copy
import tempfile
import time
from dataclasses import dataclass, field

import numpy as np

from psgvlm.evaluation.baselines.networks import RATE_HZ, SAMPLES, Architecture
from psgvlm.evaluation.corpus_nights import CorpusNight, stage_counts
from psgvlm.signals.resampling import at_rate
from psgvlm.stages import STAGES

CLIP = 20.0  # standard deviations: an electrode that pops is not a thousand times an EEG


@dataclass
class SignalNetwork:
    """A network of braindecode's, trained on the lanes of the corpus' montage.

    Every lane is brought to `RATE_HZ` and divided by what it typically spans in the training
    nights; a lane that a recording lacks is 0. Stretches are drawn, and their epochs weighed, so
    that the five stages count alike. After every pass κ is taken on the validation nights, and the
    best pass kept; `patience` passes without a better one end the training, and so do `passes` and
    `max_seconds`, which alone makes it depend on the machine's speed.
    """

    architecture: Architecture
    passes: int = 30
    patience: int = 6
    max_seconds: float = float("inf")
    seed: int = 0
    device: str | None = None
    history: list[dict] = field(default_factory=list)  # of each pass: loss, κ

    @property
    def name(self) -> str:
        return self.architecture.name

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "SignalNetwork":
        import torch

        stage_counts(train)  # refuses none
        self._device = self.device or ("cuda" if torch.cuda.is_available() else "cpu")
        with tempfile.TemporaryFile() as file:
            signals, self.scale = _collect(train, file)
            with torch.random.fork_rng():
                torch.manual_seed(self.seed)
                self.model = self.architecture.build(signals.shape[1]).to(self._device)
                self._train(signals, train, validation)
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        return self._probabilities(_cut(night))

    def _train(self, signals, train: list[CorpusNight], validation: list[CorpusNight]) -> None:
        import torch

        stages = np.concatenate([night.stages for night in train])
        draw = _Draw(stages, [len(night.index) for night in train], self.architecture, self.seed)
        weights = torch.tensor(draw.weights(), dtype=torch.float32, device=self._device)
        held_out = [(_cut(night).astype(np.float16), night.stages) for night in validation]
        optimizer = torch.optim.AdamW(self.model.parameters(), self.architecture.learning_rate)
        begin, best, kept, waited = time.monotonic(), -np.inf, None, 0
        self.history = []
        for _ in range(self.passes):
            losses = []
            self.model.train()
            for rows in draw.one_pass():
                logits = self._logits(signals[rows])
                answers = torch.from_numpy(stages[rows]).to(self._device)
                loss = torch.nn.functional.cross_entropy(logits, answers, weights)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                losses.append(loss.item())
                if time.monotonic() - begin > self.max_seconds:
                    break
            kappa = self._kappa(held_out)
            self.history.append({"loss": float(np.mean(losses)), "kappa": kappa})
            waited += 1
            if kappa is None or kappa > best:
                best, waited = kappa if kappa is not None else best, 0
                kept = copy.deepcopy(self.model.state_dict())
            if waited >= self.patience or time.monotonic() - begin > self.max_seconds:
                break
        self.model.load_state_dict(kept)

    def _kappa(self, nights: list[tuple[np.ndarray, np.ndarray]]) -> float | None:
        """Cohen's κ over all epochs of the nights; `None` where there are none."""
        from sklearn.metrics import cohen_kappa_score

        if not nights:
            return None
        predicted = [self._probabilities(signals).argmax(axis=1) for signals, _ in nights]
        scored = [stages for _, stages in nights]
        kappa = cohen_kappa_score(
            np.concatenate(scored), np.concatenate(predicted), labels=range(len(STAGES))
        )
        return float(np.nan_to_num(kappa))  # one stage only, and only that one named

    def _probabilities(self, signals: np.ndarray) -> np.ndarray:
        """Of one night's cut epochs, float64 (n_epochs, 5)."""
        import torch

        n, length = len(signals), min(self.architecture.sequence, len(signals))
        starts = np.minimum(np.arange(0, n, length), n - length)  # the last one ends with the night
        p = np.empty((n, len(STAGES)))
        self.model.eval()
        with torch.inference_mode():
            for first in range(0, len(starts), self.architecture.batch):
                rows = starts[first : first + self.architecture.batch, None] + np.arange(length)
                logits = self._logits(signals[rows]).double()
                p[rows] = torch.softmax(logits, dim=1).cpu().numpy().transpose(0, 2, 1)
        return p

    def _logits(self, signals: np.ndarray):
        """From µV, (n, sequence, lanes, samples), to logits of shape (n, 5, sequence)."""
        import torch

        scaled = signals.astype(np.float32) / self.scale[:, None]
        scaled = np.nan_to_num(scaled, nan=0.0).clip(-CLIP, CLIP)
        x = torch.from_numpy(scaled).to(self._device)
        logits = self.model(x if self.architecture.sequence > 1 else x[:, 0])
        return logits if logits.ndim == 3 else logits[:, :, None]


class _Draw:
    """Rows of the training nights, (batch, sequence), each stage as often as the others."""

    def __init__(self, stages, lengths: list[int], architecture: Architecture, seed: int):
        self.stages = stages
        self.rows = [rows for s in range(len(STAGES)) if len(rows := np.flatnonzero(stages == s))]
        self.sequence = min(architecture.sequence, *lengths)  # in one batch they are of a length
        self.first = np.repeat(np.cumsum([0, *lengths[:-1]]), lengths)  # row of the night's first
        self.last = self.first + np.repeat(lengths, lengths) - self.sequence
        self.batch = architecture.batch
        self.steps = max(1, round(len(stages) / (self.batch * self.sequence)))
        self.rng = np.random.default_rng(seed)

    def weights(self) -> np.ndarray:
        """Of each stage, float64 (5,): a stretch brings others along than it was drawn for."""
        rows = np.concatenate([rows.ravel() for rows in self.one_pass()])
        counts = np.bincount(self.stages[rows], minlength=len(STAGES))
        return np.where(counts > 0, len(rows) / len(self.rows) / counts.clip(1), 0.0)

    def one_pass(self):
        for _ in range(self.steps):
            chosen = self.rng.integers(len(self.rows), size=self.batch)
            anchors = np.array([self.rng.choice(self.rows[stage]) for stage in chosen])
            starts = anchors - self.rng.integers(self.sequence, size=self.batch)
            starts = starts.clip(self.first[anchors], self.last[anchors])
            yield starts[:, None] + np.arange(self.sequence)


def _cut(night: CorpusNight) -> np.ndarray:
    """A night's epochs in µV, float32 (n_epochs, lanes, samples); NaN for a lane it lacks."""
    signal = night.require_signal()
    first = np.round(signal.starts_s * RATE_HZ).astype(int)
    lanes = []
    for trace in signal.traces():
        if trace is None:
            lanes.append(np.full((len(first), SAMPLES), np.nan, np.float32))
        else:
            # A last epoch may lack a sample or two.
            samples = np.pad(at_rate(trace, RATE_HZ), (0, RATE_HZ))
            lanes.append(samples[first[:, None] + np.arange(SAMPLES)])
    return np.stack(lanes, axis=1)


def _collect(nights: list[CorpusNight], file) -> tuple[np.ndarray, np.ndarray]:
    """All epochs of the nights, written to a file, and every lane's scale in µV.

    Returns float16 (n_epochs, lanes, samples), mapped from the file: memory does not grow with the
    nights. The scale is the nights' median of a lane's interquartile range, as the standard
    deviation of a normal distribution that has it; infinite where no night has the lane.
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
