"""Searching a recording's labels for what fills the lanes of a montage."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from psgvlm.montages import MONTAGES
from psgvlm.recordings.labels import (
    Label,
    first_copy,
    names_leg,
    normalise,
    read_label,
    without_copy_number,
)
from psgvlm.recordings.lane_rules import (
    ANY,
    COMMON_REFERENCES,
    KNOWN_SETS,
    LANES,
    SUBSTITUTE,
    Lane,
    Pair,
    Step,
)
from psgvlm.recordings.lanes import Derivation, LaneMap

# Returns why a lane cannot show a derivation, or None if it can.
Fault = Callable[[Lane, Derivation], str | None]
# Returns which of several signals of one derivation is the best.
Best = Callable[[Sequence[Derivation]], Derivation]


def find_lanes(
    labels: Iterable[str],
    montage: str,
    aliases: Mapping[str, Sequence[str]] | None = None,
    *,
    named: Mapping[str, Sequence[str]] | None = None,
    fault: Fault | None = None,
    best: Best | None = None,
) -> LaneMap:
    """Find what fills the lanes of a montage among a recording's labels.

    A lane is filled by its own derivation, or else by the best substitute for it
    (`psgvlm.recordings.lane_rules`), with a note. No signal fills two lanes unless `named` says so.

    Parameters
    ----------
    labels : iterable of str
        The labels of the recording.
    montage : str
        A key of `psgvlm.montages.MONTAGES`.
    aliases : mapping of str to sequence of str, optional
        What a data set calls the derivation of a lane: `{lane: ["label", ...]}`, with
        `"label - label"` for a difference. It is tried before all else.
    named : mapping of str to sequence of str, optional
        What the user wants in a lane, in the same form; an empty sequence leaves the lane empty.
    fault : callable, optional
        Returns why a lane cannot show a derivation, or None if it can. Default: it can.
    best : callable, optional
        Returns which of several signals of one derivation to take. Default: the first.

    Returns
    -------
    LaneMap

    Examples
    --------
    >>> lanes = find_lanes(["EEG C4", "EEG A1", "EOG horizontal", "leg"], "core")
    >>> print(lanes)
    C4-M1 <- EEG C4 - EEG A1, E1 <- EOG horizontal, E2 <- missing, chin <- missing
    >>> lanes.filled_names
    ('C4-M1', 'E1')
    >>> lanes.remarks
    ('E1 <- EOG horizontal, a substitute: the one bipolar EOG of the file',)
    """
    wanted = [name for name in LANES if name in MONTAGES[montage]]
    search = _Search(_File(list(labels)), fault, best)
    for name in wanted:
        search.use_named(LANES[name], (named or {}).get(name))
    for name in wanted:
        search.use_aliases(LANES[name], (aliases or {}).get(name, ()))
    for rank in range(max(len(LANES[name].steps) for name in wanted)):
        for name in wanted:
            if rank < len(LANES[name].steps):
                search.use_step(LANES[name], LANES[name].steps[rank])
    return search.lane_map([LANES[name] for name in MONTAGES[montage]])


class _File:
    """The labels of a recording: what each says, and which belong together."""

    def __init__(self, labels: list[str]):
        self.labels = labels
        self.base = {label: without_copy_number(label, labels) for label in labels}
        self.by_key: dict[str, list[str]] = {}
        for label in labels:
            self.by_key.setdefault(normalise(self.base[label]), []).append(label)
        self._read: dict[str, Label] = {
            label: meaning for label in labels if (meaning := read_label(self.base[label]))
        }
        self._drop_numbered_caps()
        self._drop_oxygen()
        if any(map(names_leg, labels)):
            self._rename({"EMGL": "EMGL*", "EMGR": "EMGR*"})
        if not any(meaning.electrode == "EOGV" for meaning in self._read.values()):
            self._rename({"EOGH": "EOG"})  # the one bipolar EOG

    def _drop_numbered_caps(self) -> None:
        """Forget labels that only count the electrodes of a cap: E1 to E256, or A1 to D32.

        In such a file E1 is no eye, A1 no mastoid, and C4 no central electrode.
        """
        for letter, letters in (("E", "E"), ("A", "ABCDEFGH")):
            if {f"{letter}3", f"{letter}4"} <= self.by_key.keys():
                numbered = re.compile(rf"[{letters}]\d+")
                for key, labels in self.by_key.items():
                    if numbered.fullmatch(key):
                        for label in labels:
                            self._read.pop(label, None)

    def _drop_oxygen(self) -> None:
        """Take a plain `O2` for oxygen unless another electrode is named as plainly."""
        plain = {m.electrode for m in self._read.values() if not m.reference and not m.prefixed}
        if not plain & {"C3", "C4", "F3", "F4", "O1", "CZ", "FZ", "OZ"}:
            for label, meaning in list(self._read.items()):
                if meaning == Label("O2"):
                    del self._read[label]

    def _rename(self, names: Mapping[str, str]) -> None:
        for label, meaning in self._read.items():
            electrode = names.get(meaning.electrode, meaning.electrode)
            self._read[label] = replace(meaning, electrode=electrode)

    def groups(self, step: Step) -> Iterator[list[Derivation]]:
        """Yield the derivations of a step, best first; those that say the same in one list."""
        for pair in step.pairs:
            found = self._differences(pair) if step.difference else self._signals(pair)
            if found:
                yield found

    def _signals(self, pair: Pair) -> list[Derivation]:
        electrode, reference = pair
        return [
            Derivation(label)
            for label, meaning in self._read.items()
            if meaning.electrode == electrode and reference in (ANY, meaning.reference)
        ]

    def _differences(self, pair: Pair) -> list[Derivation]:
        plus, minus = (
            [(label, m.reference) for label, m in self._read.items() if m.electrode == electrode]
            for electrode in pair
        )
        return [
            Derivation(label, other)
            for label, reference in plus
            for other, its_reference in minus
            if reference == its_reference and reference in COMMON_REFERENCES
        ]

    def is_known(self, derivation: Derivation) -> bool:
        """Return whether the labels of a derivation name electrodes."""
        return derivation.plus in self._read and (derivation.minus or derivation.plus) in self._read

    def named(self, text: str) -> list[Derivation]:
        """Return the derivations that a text names: a label, or `"label - label"`."""
        if whole := self._copies(text):
            return [Derivation(label) for label in whole]
        parts = text.split(" - ")
        if len(parts) != 2:
            return []
        plus, minus = map(self._copies, parts)
        return [Derivation(one, other) for one in plus for other in minus]

    def _copies(self, text: str) -> list[str]:
        """Return the signals that a label names: all of that label, or the one of a number."""
        if text in self.labels:
            return [label for label in self.labels if text in (label, self.base[label])]
        if first := first_copy(text, self.labels):
            return [first]
        return self.by_key.get(normalise(text), [])


@dataclass
class _Search:
    """Fills lanes one after the other; each takes what is left."""

    file: _File
    fault: Fault | None
    best: Best | None
    sources: dict[str, Derivation] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    switched_off: set[str] = field(default_factory=set)
    by_user: set[str] = field(default_factory=set)
    faults: dict[str, dict[str, str]] = field(default_factory=dict)
    copies: set[str] = field(default_factory=set)

    def use_named(self, lane: Lane, texts: Sequence[str] | None) -> None:
        """Fill a lane with what the user named, or switch it off."""
        if texts is not None and not texts:
            self.switched_off.add(lane.name)
            self.notes[lane.name] = "switched off by the map"
        own = {
            derivation
            for step in lane.steps
            if not step.note
            for group in self.file.groups(step)
            for derivation in group
        }
        for text in texts or ():
            group = self.file.named(text)
            # What an unknown label is, the user says; a known one says that it is something else.
            other = not own & set(group) and any(map(self.file.is_known, group))
            self._take(lane, group, "named by the map" if other else "", by_user=True)

    def use_aliases(self, lane: Lane, texts: Sequence[str]) -> None:
        """Fill a lane by the names of a data set."""
        for text in texts:
            self._take(lane, self.file.named(text), "")
        for needed, known in KNOWN_SETS:
            if needed <= self.file.by_key.keys() and lane.name in known:
                if "EEG" in needed and {"EEG1", "EEG3"} & self.file.by_key.keys():
                    continue
                text, note = known[lane.name]
                self._take(lane, self.file.named(text), note)

    def use_step(self, lane: Lane, step: Step) -> None:
        """Fill a lane by one of its steps."""
        if lane.name in self.sources or lane.name in self.switched_off:
            return
        for group in self.file.groups(step):
            self._take(lane, group, SUBSTITUTE + step.note if step.note else "")

    def _take(self, lane: Lane, group: list[Derivation], note: str, by_user: bool = False) -> None:
        """Fill a lane, unless it is filled, with the best of a group that no lane shows yet."""
        if lane.name in self.sources or lane.name in self.switched_off:
            return
        # The user may show one signal twice; a lane whose own derivation it is keeps it.
        keep = self.by_user if not note else set()
        used = {source.plus for name, source in self.sources.items() if name not in keep}
        if by_user:
            used = set()
            self.by_user.add(lane.name)
        else:
            used |= self.copies
        usable = []
        for derivation in group:
            if derivation.plus in used:
                continue
            reason = self.fault(lane, derivation) if self.fault else None
            if reason:
                # A broken channel has the same fault in every difference.
                self.faults.setdefault(lane.name, {}).setdefault(reason, str(derivation))
            else:
                usable.append(derivation)
        if not usable:
            return
        chosen = self.best(usable) if self.best and len(usable) > 1 else usable[0]
        self.sources[lane.name] = chosen
        parts = [note] if note else []
        if len(usable) > 1:
            which = "the first" if chosen == usable[0] else "the better one"
            parts.append(f"{which} of {len(usable)} such signals ({', '.join(map(str, usable))})")
            # A second copy of a signal is nothing that another lane could show.
            self.copies |= {derivation.plus for derivation in usable}
        self.notes[lane.name] = "; ".join([*parts, *self._faults_of(lane)])

    def _faults_of(self, lane: Lane) -> list[str]:
        faults = self.faults.get(lane.name, {})
        return [f"{derivation} {reason}" for reason, derivation in faults.items()]

    def lane_map(self, lanes: list[Lane]) -> LaneMap:
        """Return the result; the note of an empty lane says why no signal fills it."""
        for lane in lanes:
            if lane.name not in self.sources and lane.name not in self.switched_off:
                self.notes[lane.name] = "; ".join(self._faults_of(lane))
        return LaneMap(
            tuple(lanes),
            tuple(self.sources.get(lane.name) for lane in lanes),
            tuple(self.notes[lane.name] for lane in lanes),
        )
