"""The task "perception": describe what an epoch's image shows, one line a lane, in whole seconds.

    C4-M1: mostly delta (delta 62, theta 21, alpha 9, sigma 4, beta 4 %); alpha rhythm for 2 s;
        spindles at 12-14, 19-20 s; no K-complexes; slow waves for 4 s at 3-5, 7-9 s   (one line)
    E1, E2: fast eye movements at 3-4 s; no slow eye movements
    chin: tone low, 1.2 times the record's low level

If a lane shows no signal for some seconds, its line ends with `; no signal for 4 s`.
"""

import math
import re
from collections.abc import Sequence

from psgvlm.chat.findings import BANDS_HZ, SECONDS, Eeg, EpochFindings, Eyes, Muscle, Span

PROMPT = (
    "What does this 30-s epoch show? Describe it lane by lane: rhythm, spindles, K-complexes, slow "
    "waves, eye movements, muscle tone, with times in whole seconds of the epoch."
)


def perception(findings: EpochFindings) -> str:
    """Return the findings of an epoch as text; empty if there are none."""
    lines = [_eeg(lane) for lane in findings.eeg]
    if findings.eyes:
        both = findings.eyes
        parts = [_at("fast eye movements", both.fast), _at("slow eye movements", both.slow)]
        lines.append(f"{', '.join(both.lanes)}: {'; '.join(parts)}{_lost(both.lost_s)}")
    if findings.muscle:
        chin = findings.muscle
        tone = f"tone {chin.tone}, {chin.times_low:.1f} times the record's low level"
        lines.append(f"{chin.lane}: {tone}{_lost(chin.lost_s)}")
    return "\n".join(lines)


def _eeg(lane: Eeg) -> str:
    shares = ", ".join(f"{b} {100 * x:.0f}" for b, x in zip(BANDS_HZ, lane.shares, strict=True))
    parts = [
        f"mostly {lane.leading} ({shares} %)",
        f"alpha rhythm for {lane.alpha_s} s",
        _at("spindles", lane.spindles),
        _at("K-complexes", lane.k_complexes),
        _at("slow waves", lane.slow_waves, f" for {lane.slow_wave_s:.0f} s"),
    ]
    return f"{lane.lane}: {'; '.join(parts)}{_lost(lane.lost_s)}"


def _at(name: str, spans: Sequence[Span], how_long: str = "") -> str:
    return f"{name}{how_long} at {whole_seconds(spans)}" if spans else f"no {name}"


def _lost(seconds: int) -> str:
    return f"; no signal for {seconds} s" if seconds else ""


def whole_seconds(spans: Sequence[Span]) -> str:
    """Return the whole seconds of the epoch that the spans touch, as `12-14, 19-20 s`."""
    return ", ".join(f"{math.floor(a)}-{min(SECONDS, math.ceil(b))}" for a, b in spans) + " s"


_SPANS = r"(?:no {0}|{0} at ([\d\-, ]+) s)"
_SHARES = ", ".join(rf"{band} (\d+)" for band in BANDS_HZ)
_GONE = r"(?:; no signal for (\d+) s)?"
_EEG = re.compile(
    rf"(\S+): mostly (\w+) \({_SHARES} %\); "
    rf"alpha rhythm for (\d+) s; {_SPANS.format('spindles')}; {_SPANS.format('K-complexes')}; "
    rf"(?:no slow waves|slow waves for (\d+) s at ([\d\-, ]+) s){_GONE}"
)
_EYES = re.compile(
    rf"(\S+), (\S+): {_SPANS.format('fast eye movements')}; "
    rf"{_SPANS.format('slow eye movements')}{_GONE}"
)
_MUSCLE = re.compile(
    rf"(\S+): tone (low|intermediate|high), ([\d.]+) times the record's low level{_GONE}"
)


def read_perception(text: str) -> EpochFindings:
    """Return the findings that a text states; the reverse of `perception`, in whole seconds.

    Raise ValueError if `perception` cannot have written the text.
    """
    eeg, eyes, muscle = [], None, None
    for line in text.splitlines():
        if match := _EEG.fullmatch(line):
            lane, _, *shares, alpha_s, spindles, complexes, slow_s, slow, lost_s = match.groups()
            shares = tuple(int(share) / 100 for share in shares)
            spans = map(_spans, (spindles, complexes, slow))
            eeg.append(
                Eeg(lane, int(lost_s or 0), shares, int(alpha_s), *spans, float(slow_s or 0))
            )
        elif match := _EYES.fullmatch(line):
            left, right, fast, slow, lost_s = match.groups()
            eyes = Eyes((left, right), int(lost_s or 0), _spans(fast), _spans(slow))
        elif match := _MUSCLE.fullmatch(line):
            lane, _, times, lost_s = match.groups()
            muscle = Muscle(lane, int(lost_s or 0), float(times))
    findings = EpochFindings(tuple(eeg), eyes, muscle)
    if perception(findings) != text:
        raise ValueError(f"not a description of an epoch: {text!r}")
    return findings


def _spans(text: str | None) -> tuple[Span, ...]:
    return tuple((float(a), float(b)) for a, b in re.findall(r"(\d+)-(\d+)", text or ""))
