"""The task "rationale": state the measured facts, the rule of the scored stage, and the stage.

The facts have the same order for every stage, so that their order does not reveal the stage. The
rule follows the AASM manual (version 3); the text says which of its criteria the facts meet, do not
meet, or cannot decide. The last line names the stage. A rule is applied to this epoch alone: it
ignores that N2 and R may continue from the epoch before.
"""

from collections.abc import Callable, Iterable

from psgvlm.chat.findings import Eeg, EpochFindings, Span
from psgvlm.chat.perception import whole_seconds

PROMPT = (
    "Which sleep stage does this 30-s epoch show? Give the reasons that can be seen, by the rules "
    "of the AASM, then the stage: W, N1, N2, N3 or R."
)
HALF_S, FIFTH_S = 15, 6.0  # of the epoch: limits for alpha rhythm in W, slow waves in N3


def rationale(findings: EpochFindings, stage: str) -> str:
    """Return the facts, the rule of the stage and whether they meet it, and the stage, as lines."""
    return "\n".join([*facts(findings), *_verdict(findings, stage), last_line(stage)])


def last_line(stage: str) -> str:
    """Return the last line of a rationale, which names the stage."""
    return f"Stage: {stage}"


def facts(findings: EpochFindings) -> list[str]:
    """Return a sentence for each measured fact, in a fixed order."""
    sentences = []
    if findings.eeg:
        alpha, slow, centre = _posterior(findings), _frontal(findings), _central(findings)[0]
        share = f"{100 * max(centre.shares):.0f} % of the power on average"
        sentences += [
            f"Alpha rhythm fills {alpha.alpha_s} of 30 s in {alpha.lane}.",
            f"Slow waves of 75 µV or more fill {slow.slow_wave_s:.1f} of 30 s in {slow.lane}.",
            _where("spindles", ((lane.lane, lane.spindles) for lane in _central(findings))),
            _where("K-complexes", ((lane.lane, lane.k_complexes) for lane in _central(findings))),
            f"The leading rhythm of {centre.lane} is {centre.leading}, with {share}.",
        ]
    if findings.eyes:
        lanes = " and ".join(findings.eyes.lanes)
        sentences.append(_where("fast eye movements", [(lanes, findings.eyes.fast)]))
        sentences.append(_where("slow eye movements", [(lanes, findings.eyes.slow)]))
    if findings.muscle:
        times = f"{findings.muscle.times_low:.1f} times the record's low level"
        sentences.append(f"The tone of {findings.muscle.lane} is {findings.muscle.tone}, {times}.")
    return sentences or ["No lane could be measured."]


def _where(name: str, lanes: Iterable[tuple[str, tuple[Span, ...]]]) -> str:
    """Say where the first lane shows these waves, or which lanes do not show them."""
    lanes = dict(lanes)
    for lane, spans in lanes.items():
        if spans:
            return f"{name.capitalize()} at {whole_seconds(spans)} in {lane}."
    return f"No {name} were measured in {', '.join(lanes)}."


def _by_region(findings: EpochFindings, order: str) -> list[Eeg]:
    """Return the EEG lanes sorted by their region (F, C or O), in the given order of regions."""
    return sorted(findings.eeg, key=lambda lane: order.index(lane.lane[0]))


def _posterior(findings: EpochFindings) -> Eeg:
    return _by_region(findings, "OCF")[0]


def _frontal(findings: EpochFindings) -> Eeg:
    return _by_region(findings, "FCO")[0]


def _central(findings: EpochFindings) -> list[Eeg]:
    return _by_region(findings, "CFO")


def _alpha(findings: EpochFindings) -> bool | None:
    return _posterior(findings).alpha_s > HALF_S if findings.eeg else None


def _slow(findings: EpochFindings) -> bool | None:
    return _frontal(findings).slow_wave_s >= FIFTH_S if findings.eeg else None


def _spindle_or_k(findings: EpochFindings) -> bool | None:
    return any(lane.spindles or lane.k_complexes for lane in findings.eeg) if findings.eeg else None


def _fast_eyes(findings: EpochFindings) -> bool | None:
    return bool(findings.eyes.fast) if findings.eyes else None


def _low_tone(findings: EpochFindings) -> bool | None:
    return findings.muscle.tone == "low" if findings.muscle else None


def _awake(findings: EpochFindings) -> bool | None:
    eyes, low = _fast_eyes(findings), _low_tone(findings)
    open_eyes = False if eyes is False or low else None if None in (eyes, low) else True
    either = (_alpha(findings), open_eyes)
    return True if True in either else None if None in either else False


def _not(test: Callable[[EpochFindings], bool | None]) -> Callable[[EpochFindings], bool | None]:
    def negated(findings: EpochFindings) -> bool | None:
        result = test(findings)
        return None if result is None else not result

    return negated


# The criteria of each stage, each with a test: True, False, or None if the facts do not decide.
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


def _verdict(findings: EpochFindings, stage: str) -> list[str]:
    """Return lines that say which criteria of a stage's rule the facts meet."""
    phrases = {True: "the facts meet", False: "the facts do not meet", None: "no lane decides"}
    criteria = {result: [] for result in phrases}
    for criterion, test in RULES[stage]:
        criteria[test(findings)].append(criterion)
    return [
        f"Of the rule for {stage} {phrases[result]}: {'; '.join(names)}."
        for result, names in criteria.items()
        if names
    ]
