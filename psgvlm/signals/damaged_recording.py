"""A recording with damaged samples: the damage is done before lanes are derived or filtered."""

import hashlib
from collections.abc import Collection, Iterable

import numpy as np

from psgvlm.errors import InputError
from psgvlm.recordings.recording import Channel, Recording, microvolts
from psgvlm.signals.damage import DAMAGES, epoch_bounds


class DamagedRecording(Recording):
    """A recording with damaged channels; everything else is as in the recording it is made from.

    Channels are damaged, not lanes. A lane that is the difference of two channels gets the damage
    of both; if one of the two is lost, the lane shows the other.

    What happens to a channel depends only on the seed, the kind and the label (and, if channels are
    swapped, on the labels of the others). It does not depend on what else is read, or in which
    order. Two recordings with one seed are damaged in the same epochs, so give each its own seed.

    Parameters
    ----------
    recording : Recording
        The recording to damage, which may be damaged itself.
    kind : str
        A key of `psgvlm.signals.DAMAGES`.
    share : float, optional
        The share of the 30-s epochs, counted from the first sample, that are damaged in each
        channel, from 0 to 1. They are chosen at random for each channel; a larger share damages the
        same epochs and more. The epochs of `lost` follow one another, anywhere in the night; those
        of `lost_from` are the last ones of the night.
    level : float, optional
        How strong the damage is, in the unit of its kind. Default: the middle of its levels. The
        random numbers are the same at all levels.
    seed : int, optional
        The seed of the random numbers.
    labels : collection of str, optional
        The channels to damage. Default: all that are voltages.

    Attributes
    ----------
    damaged_labels : frozenset of str
        The labels of the channels that are damaged.

    Raises
    ------
    InputError
        If the kind or a label is not known, if the share is not between 0 and 1, or if the kind
        does not have the level.

    Examples
    --------
    >>> import psgvlm
    >>> recording = psgvlm.Recording("night.edf")
    >>> weak = DamagedRecording(recording, "weak", level=0.5, labels=["chin"])
    >>> ratio = weak.read_uv("chin").std() / recording.read_uv("chin").std()
    >>> print(f"{ratio:.2f}")
    0.50
    """

    def __init__(
        self,
        recording: Recording,
        kind: str,
        share: float = 1.0,
        level: float | None = None,
        seed: int = 0,
        labels: Collection[str] | None = None,
    ):
        if kind not in DAMAGES:
            raise InputError(f"damage {kind!r}; expected one of {', '.join(DAMAGES)}")
        self.__dict__.update(vars(recording))
        self._source, self.kind, self.share, self.seed = recording, kind, share, seed
        self._damage = DAMAGES[kind]
        self.level = self._damage.default_level if level is None else level
        if not 0 <= share <= 1:
            raise InputError(f"damage {kind}: share {share:g}; expected 0 to 1")
        if level is not None and not self._damage.allows(level):
            levels = ", ".join(f"{x:g}" for x in self._damage.levels)
            expected = f"a level such as {levels}" if levels else "a share, since it has no levels"
            raise InputError(f"damage {kind}: level {level:g}; expected {expected}")
        for label in labels or ():
            recording.channel(label)
        voltages = sorted({c.label for c in self.channels if self._is_voltage(c)})
        self.damaged_labels = frozenset(voltages if labels is None else labels)
        self._partners = self._draw_partners() if kind == "swapped" else {}
        self._whole_channels: dict[str, np.ndarray] = {}

    def read_span_uv(
        self, labels: Iterable[str], start_s: float, stop_s: float
    ) -> dict[str, tuple[int, np.ndarray]]:
        """Read samples as `Recording.read_span_uv` does, as they are after the damage."""
        spans = self._source.read_span_uv(labels, start_s, stop_s)
        for label in self.damaged_labels & spans.keys():
            first, samples = spans[label]
            damaged = self._whole_channel(label)[first : first + len(samples)]
            spans[label] = first, damaged.copy()
        return spans

    def _is_voltage(self, channel: Channel) -> bool:
        """Return whether a channel can be read in µV."""
        return channel.fault is None and microvolts(channel.unit) is not None

    def _draw_partners(self) -> dict[str, str]:
        """Return whose signal each channel gets.

        The channels of one rate stand in a circle of random order, and each gets the signal of the
        next one.
        """
        partners = {}
        by_rate: dict[float, list[str]] = {}
        for label in self.damaged_labels:
            by_rate.setdefault(self.channel(label).rate_hz, []).append(label)
        for labels in by_rate.values():
            labels.sort(key=lambda label: (self._rng("round", label).random(), label))
            partners |= dict(zip(labels, labels[1:] + labels[:1], strict=True))
        alone = sorted(label for label, partner in partners.items() if label == partner)
        if len(alone) == len(partners):
            raise InputError(
                f"{self.path}: no two of {', '.join(alone) or 'its channels'} have the same rate; "
                "expected two channels to swap"
            )
        return partners

    def _whole_channel(self, label: str) -> np.ndarray:
        """Return all samples of a channel after the damage.

        The damage depends on all samples, and a night is read in many spans, so they are kept.
        """
        if label not in self._whole_channels:
            self._whole_channels[label] = self._damage_channel(label)
        return self._whole_channels[label]

    def _damage_channel(self, label: str) -> np.ndarray:
        samples = self._source.read_uv(label)
        if self.share == 0 or not len(samples):
            return samples
        if self._damage.levels and self.level == self._damage.levels[0]:
            return samples
        rate_hz = self.channel(label).rate_hz
        chosen = self._chosen_samples(label, len(samples), rate_hz)
        return np.where(chosen, self._change_all(label, samples, rate_hz), samples)

    def _change_all(self, label: str, samples: np.ndarray, rate_hz: float) -> np.ndarray:
        """Return a channel as if all of its epochs were damaged, float32."""
        if self.kind in ("lost", "lost_from"):
            return np.zeros_like(samples)
        if self.kind == "swapped":
            return self._source.read_uv(self._partners[label])
        # The offset of an amplifier is not part of the signal: gain must not multiply it.
        offset = float(np.median(samples))
        rng = self._rng("change", "" if self._damage.simultaneous else label)
        change = self._damage.change(samples.astype(float) - offset, rate_hz, self.level, rng)
        return (change + offset).astype(np.float32)

    def _chosen_samples(self, label: str, n_samples: int, rate_hz: float) -> np.ndarray:
        """Return which samples lie in epochs that are damaged, bool of shape (n_samples,)."""
        bounds = epoch_bounds(n_samples, rate_hz)
        count = round(self.share * len(bounds))
        rng = self._rng("where", "" if self._damage.simultaneous else label)
        if self.kind == "lost_from":
            epochs = np.arange(len(bounds) - count, len(bounds))
        elif self.kind == "lost":
            # One random number for all shares: as the share grows, the run of epochs grows to both
            # sides.
            epochs = np.arange(count) + int(rng.random() * (len(bounds) - count + 1))
        else:
            epochs = rng.permutation(len(bounds))[:count]
        chosen = np.zeros(n_samples, bool)
        for first, stop in bounds[epochs]:
            chosen[first:stop] = True
        return chosen

    def _rng(self, purpose: str, label: str) -> np.random.Generator:
        digest = hashlib.sha256(f"{self.kind}\n{purpose}\n{label}".encode()).digest()
        return np.random.default_rng([self.seed, *np.frombuffer(digest, np.uint32).tolist()])
