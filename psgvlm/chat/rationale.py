"""The task of reasoning: the measured facts, what the scored stage's rule asks of them, the stage.

The facts come in the same order whatever the stage, so that they do not give it away; then the
rule, in the words of the AASM manual (version 3), with what of it the facts meet, do not meet, or
cannot decide; the stage stands in the last line, where `chat.read_answer` finds it. A rule is held
against this epoch alone: that N2 and R may go on from the epoch before is not told.
"""

from collections.abc import Callable, Iterable

from psgvlm.chat.findings import Eeg, EpochFindings, Span
from psgvlm.chat.perception import whole_seconds

PROMPT = (
    "Which sleep stage does this 30-s epoch show? Give the reasons that can be seen, by the rules "
    "of the AASM, then the stage: W, N1, N2, N3 or R."
)
HALF_S, FIFTH_S = 15, 6.0  # of the epoch: alpha rhythm in W, slow waves in N3


def rationale(seen: EpochFindings, stage: str) -> str:
    """Facts, a sentence a line; the rule and what of it they meet; `Stage: N2`."""
    return "\n".join([*facts(seen), *_verdict(seen, stage), last_line(stage)])


def last_line(stage: str) -> str:
    """What a rationale comes to."""
    return f"Stage: {stage}"


def facts(seen: EpochFindings) -> list[str]:
    """A sentence for each fact that was measured, in the order in which the rules ask for them."""
    said = []
    if seen.eeg:
        alpha, slow, centre = _posterior(seen), _frontal(seen), _central(seen)[0]
        share = f"{100 * max(centre.shares):.0f} % of the power on average"
        said += [
            f"Alpha rhythm fills {alpha.alpha_s} of 30 s in {alpha.lane}.",
            f"Slow waves of 75 µV or more fill {slow.slow_wave_s:.1f} of 30 s in {slow.lane}.",
            _where("spindles", ((lane.lane, lane.spindles) for lane in _central(seen))),
            _where("K-complexes", ((lane.lane, lane.k_complexes) for lane in _central(seen))),
            f"The leading rhythm of {centre.lane} is {centre.leading}, with {share}.",
        ]
    if seen.eyes:
        lanes = " and ".join(seen.eyes.lanes)
        said.append(_where("fast eye movements", [(lanes, seen.eyes.fast)]))
        said.append(_where("slow eye movements", [(lanes, seen.eyes.slow)]))
    if seen.muscle:
        times = f"{seen.muscle.times_low:.1f} times the record's low level"
        said.append(f"The tone of {seen.muscle.lane} is {seen.muscle.tone}, {times}.")
    return said or ["No lane could be measured."]


def _where(name: str, lanes: Iterable[tuple[str, tuple[Span, ...]]]) -> str:
    """The first lane that has them, with the times; or all that have none."""
    lanes = dict(lanes)
    for lane, spans in lanes.items():
        if spans:
            return f"{name.capitalize()} at {whole_seconds(spans)} in {lane}."
    return f"No {name} were measured in {', '.join(lanes)}."


def _by_region(seen: EpochFindings, order: str) -> list[Eeg]:
    """The EEG lanes, first those over the region where a wave is tallest (F, C or O)."""
    return sorted(seen.eeg, key=lambda lane: order.index(lane.lane[0]))


def _posterior(seen: EpochFindings) -> Eeg:
    return _by_region(seen, "OCF")[0]


def _frontal(seen: EpochFindings) -> Eeg:
    return _by_region(seen, "FCO")[0]


def _central(seen: EpochFindings) -> list[Eeg]:
    return _by_region(seen, "CFO")


def _alpha(seen: EpochFindings) -> bool | None:
    return _posterior(seen).alpha_s > HALF_S if seen.eeg else None


def _slow(seen: EpochFindings) -> bool | None:
    return _frontal(seen).slow_wave_s >= FIFTH_S if seen.eeg else None


def _spindle_or_k(seen: EpochFindings) -> bool | None:
    return any(lane.spindles or lane.k_complexes for lane in seen.eeg) if seen.eeg else None


def _fast_eyes(seen: EpochFindings) -> bool | None:
    return bool(seen.eyes.fast) if seen.eyes else None


def _low_tone(seen: EpochFindings) -> bool | None:
    return seen.muscle.tone == "low" if seen.muscle else None


def _awake(seen: EpochFindings) -> bool | None:
    eyes, low = _fast_eyes(seen), _low_tone(seen)
    open_eyes = False if eyes is False or low else None if None in (eyes, low) else True
    either = (_alpha(seen), open_eyes)
    return True if True in either else None if None in either else False


def _not(test: Callable[[EpochFindings], bool | None]) -> Callable[[EpochFindings], bool | None]:
    def negated(seen: EpochFindings) -> bool | None:
        found = test(seen)
        return None if found is None else not found

    return negated


# What each stage asks for, and whether the facts meet it: yes, no, or not to be decided from them.
_NO_ALPHA = ("alpha rhythm in no more than half of the epoch", _not(_alpha))
_NO_WAVES = ("no spindle or K-complex", _not(_spindle_or_k))
_LITTLE = ("slow waves in less than a fifth of the epoch", _not(_slow))
RULES = {
    "W": [
        (
            "alpha rhythm in more than half of the epoch, or blinks or rapid eye movements with "
            "chin tone that is not low",
            _awake,
        )
    ],
    "N1": [_NO_ALPHA, _LITTLE, _NO_WAVES],
    "N2": [("a spindle or K-complex", _spindle_or_k), _LITTLE],
    "N3": [("slow waves in a fifth of the epoch or more", _slow)],
    "R": [("rapid eye movements", _fast_eyes), ("low chin tone", _low_tone), _NO_WAVES],
}


def _verdict(seen: EpochFindings, stage: str) -> list[str]:
    """The rule of a stage, criterion by criterion."""
    said = {True: "the facts meet", False: "the facts do not meet", None: "no lane decides"}
    found = {answer: [] for answer in said}
    for criterion, test in RULES[stage]:
        found[test(seen)].append(criterion)
    return [f"Of the rule for {stage} {said[a]}: {'; '.join(c)}." for a, c in found.items() if c]
