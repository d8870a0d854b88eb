"""The texts about an epoch are true of its signal, can be read back, and faults are noticed."""

import re
from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from claims import Claim, Signal, claims, low_level_uv
from commands import ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from prepared import SPEC, night

from psgvlm import chat
from psgvlm.chat.findings import BANDS_HZ, Eeg, EpochFindings, Eyes, Muscle
from psgvlm.chat.perception import perception, read_perception
from psgvlm.chat.rationale import RULES, facts, last_line, rationale
from psgvlm.corpus import row_schema
from psgvlm.stages import STAGES

EVERY = 3  # epochs held against the signal


@cache
def lanes():
    """Return the night for the independent check, and the low level of its chin EMG."""
    found = {
        name: (trace.samples_uv, trace.rate_hz)
        for name, trace in zip(SPEC.lanes, night().traces, strict=True)
    }
    return found, low_level_uv(*found["chin"])


@cache
def signal_of(epoch):
    return Signal(lanes()[0], night().onsets_s[epoch], lanes()[1])


def some_epochs():
    return range(1, len(night().seen), EVERY)


def texts(epoch):
    seen = night().seen[epoch]
    return perception(seen), rationale(seen, night().stages[epoch])


# --- the texts are true ---


def test_every_sentence_is_true_of_the_signal():
    """Each sentence is parsed into claims, and an independent check computes each claim again."""
    held, wrong = Counter(), []
    for epoch in some_epochs():
        for text in texts(epoch):
            for claim in claims(text):
                held[claim.kind, claim.said.get("event", "").lower()] += 1
                if not signal_of(epoch).allows(claim):
                    wrong.append((epoch, night().stages[epoch], claim))
    print(held)
    assert not wrong
    assert min(held.values()) >= 3  # every kind of sentence was there to be wrong
    assert len(held) >= 14


def moved(said, epoch):
    """Move a claim's times to where nothing was planted; None if there is no such place."""
    onset_s = night().onsets_s[epoch]
    busy = [
        (e.onset_s - onset_s - 2, e.onset_s + e.duration_s - onset_s + 3)
        for e in night().events
        if e.kind != "alpha" and abs(e.onset_s - onset_s) < 60
    ]
    free = [a for a in range(29) if not any(start < a + 2 and stop > a for start, stop in busy)]
    if not free:
        return None
    at = free[len(free) // 2]
    return said | {"at": f"{at}-{at + 2} s"}


def falsified(claim, epoch):
    """Return the claim with a wrong value; None if it has no value to change."""
    said = claim.said
    if claim.kind in ("alpha", "slow"):
        return replace(claim, said=said | {"s": "28" if float(said["s"]) < 10 else "0"})
    if claim.kind == "leading":
        other = "sigma" if said["band"] == "beta" else "beta"
        if "shares" not in said:
            return replace(claim, said=said | {"band": other})
        swapped = said["shares"].replace(said["band"], "x").replace(other, said["band"])
        return replace(claim, said=said | {"shares": swapped.replace("x", other)})
    if claim.kind == "tone":
        other = "high" if said["tone"] == "low" else "low"
        return replace(claim, said=said | {"tone": other})
    if claim.kind == "at":
        elsewhere = moved(said, epoch)
        return elsewhere and replace(claim, said=elsewhere)
    return None


def test_wrong_sentences_are_noticed():
    """All wrong numbers and words and nearly all wrong times; noise may look like a spindle."""
    caught, made = Counter(), Counter()
    for epoch in some_epochs():
        for claim in claims(texts(epoch)[0]) + claims(texts(epoch)[1]):
            if wrong := falsified(claim, epoch):
                kind = claim.kind if claim.kind != "at" else claim.said["event"].lower()
                made[kind] += 1
                caught[kind] += not signal_of(epoch).allows(wrong)
    share = {kind: round(caught[kind] / count, 3) for kind, count in made.items()}
    print(made, share)
    assert min(made.values()) >= 3
    for kind in ("alpha", "slow", "leading", "tone"):
        assert share[kind] == 1
    for kind in ("k-complexes", "fast eye movements", "slow eye movements"):
        assert share[kind] >= 0.9
    assert share["spindles"] >= 0.8
    assert share["slow waves"] >= 0.8


@pytest.mark.parametrize(
    ("kind", "event", "lane", "least_uv", "share"),
    [
        ("spindle", "spindles", "C4-M1", 20, 0.7),
        ("k_complex", "K-complexes", "C4-M1", 90, 0.6),
        ("slow_wave", "slow waves", "F4-M1", 130, 0.9),
        ("saccade", "fast eye movements", "E1 and E2", 90, 0.65),
        ("slow_eye_movement", "slow eye movements", "E1 and E2", 50, 0.2),
    ],
)
def test_denying_an_event_that_is_clearly_there_is_noticed(kind, event, lane, least_uv, share):
    """`No spindles were measured`, about epochs in which a large one was planted."""
    silence = Claim("none", {"event": event, "lane": lane})
    onsets_s = night().onsets_s
    large = [
        epoch
        for epoch in range(len(onsets_s))
        for e in night().events
        if e.kind == kind and e.amplitude_uv >= least_uv and 4 < e.onset_s - onsets_s[epoch] < 23
    ]
    noticed = [not signal_of(epoch).allows(silence) for epoch in dict.fromkeys(large)]
    print(len(noticed), np.mean(noticed))
    assert len(noticed) >= 5
    assert np.mean(noticed) >= share


def test_a_wrong_verdict_about_a_rule_is_noticed():
    """Each verdict is turned into its opposite; at least half of these are clearly wrong."""
    caught = Counter()
    for epoch in some_epochs():
        for claim in claims(texts(epoch)[1]):
            if claim.kind == "rule":
                met = claim.said["met"]
                other = {"the facts meet": "the facts do not meet"}.get(met, "the facts meet")
                caught[
                    not signal_of(epoch).allows(replace(claim, said=claim.said | {"met": other}))
                ] += 1
    print(caught)
    assert caught[True] >= 0.5 * caught.total()


def test_a_sentence_of_another_form_is_refused():
    for text in ("The sleeper dreams.", "C4-M1: mostly harmless", "No vertex waves"):
        with pytest.raises(ValueError, match="not a sentence"):
            claims(text)


# --- texts are read back ---


def seconds(most=30.0):
    return st.floats(0, most).map(lambda x: round(x, 2))


spans = st.lists(
    st.tuples(seconds(29), st.floats(0.3, 3)).map(lambda s: (s[0], round(min(30, sum(s)), 2))),
    max_size=4,
).map(tuple)
lost = st.integers(0, 14)
shares = st.lists(st.integers(0, 100), min_size=5, max_size=5).map(
    lambda parts: tuple(round(p / max(1, sum(parts)), 2) for p in parts)
)
brain = st.builds(
    lambda lane, gone, share, alpha, spindles, ks, slow: Eeg(
        lane, gone, share, alpha, spindles, ks, slow, round(sum(b - a for a, b in slow), 1)
    ),
    st.sampled_from(["F4-M1", "C4-M1", "O2-M1"]), lost, shares, st.integers(0, 30),
    spans, spans, spans,
)  # fmt: skip
eyes = st.none() | st.builds(Eyes, st.just(("E1", "E2")), lost, spans, spans)
muscle = st.none() | st.builds(
    Muscle, st.just("chin"), lost, st.floats(0.1, 90).map(lambda x: round(x, 1))
)
epochs = st.builds(
    EpochFindings, st.lists(brain, max_size=3, unique_by=lambda e: e.lane).map(tuple), eyes, muscle
)


@given(epochs)
@settings(max_examples=200, deadline=None)
def test_a_description_reads_back(seen):
    text = perception(seen)
    read = read_perception(text)
    assert perception(read) == text
    assert len(read.eeg) == len(seen.eeg)
    for mine, theirs in zip(seen.eeg, read.eeg, strict=True):
        assert (mine.lane, mine.lost_s, mine.shares, mine.alpha_s) == (
            theirs.lane, theirs.lost_s, theirs.shares, theirs.alpha_s,
        )  # fmt: skip
        for name in ("spindles", "k_complexes", "slow_waves"):
            pairs = zip(getattr(mine, name), getattr(theirs, name), strict=True)
            assert all(a == int(x) and b - 1 < y <= b for (x, y), (a, b) in pairs)
    assert read.muscle == seen.muscle
    assert bool(read.eyes) == bool(seen.eyes)


@given(epochs, st.sampled_from(STAGES))
@settings(max_examples=200, deadline=None)
def test_the_last_line_names_the_stage_and_no_fact_does(seen, stage):
    text = rationale(seen, stage)
    assert text.splitlines()[-1] == last_line(stage) == f"Stage: {stage}"
    assert not any(name in " ".join(facts(seen)).split() for name in STAGES)
    said = " ".join(text.splitlines())
    assert all(said.count(criterion) >= 1 for criterion, _ in RULES[stage])
    if seen != EpochFindings():
        assert len(claims(text)) >= len(facts(seen)) + 2


def test_the_facts_do_not_depend_on_the_stage():
    seen = night().seen[50]
    by_stage = {tuple(rationale(seen, stage).splitlines()[: len(facts(seen))]) for stage in STAGES}
    assert by_stage == {tuple(facts(seen))}


@pytest.mark.parametrize(
    "change",
    [("mostly delta", "mostly theta"), ("no spindles", "nothing"), ("tone low", "tone high"),
     ("; no K-complexes", ""), ("E1, E2: ", ""), (" s", " seconds")],
)  # fmt: skip
def test_a_damaged_description_is_refused(change):
    quiet = Eeg("C4-M1", 0, (0.6, 0.2, 0.1, 0.05, 0.05), 0, (), (), (), 0.0)
    text = perception(
        EpochFindings((quiet,), Eyes(("E1", "E2"), 0, (), ()), Muscle("chin", 0, 1.0))
    )
    assert read_perception(text)
    assert change[0] in text
    with pytest.raises(ValueError, match="not a description"):
        read_perception(text.replace(*change))


# --- facts that are missing ---

STILL = Eeg("C4-M1", 0, (0.6, 0.2, 0.1, 0.05, 0.05), 3, (), (), (), 0.0)


def test_the_text_says_that_the_facts_do_not_meet_a_rule():
    text = rationale(EpochFindings((STILL,)), "N2")
    assert "No spindles were measured in C4-M1." in text
    assert "No K-complexes were measured in C4-M1." in text
    assert "the facts do not meet: a spindle or K-complex." in text
    assert "Of the rule for N3 the facts do not meet: slow waves in a fifth" in rationale(
        EpochFindings((STILL,)), "N3"
    )


def test_criteria_without_a_lane_are_not_decided():
    text = rationale(EpochFindings((STILL,)), "R")
    assert "Of the rule for R no lane decides: rapid eye movements; low chin tone." in text
    assert "eye movements were" not in text and "tone of" not in text
    text = rationale(EpochFindings(), "W")
    assert text.startswith("No lane could be measured.")
    assert "no lane decides" in text


def test_wake_with_open_eyes_needs_eyes_and_tone():
    open_eyes = Eyes(("E1", "E2"), 0, ((3.0, 3.3),), ())
    met = {
        (bool(eyes), times): "the facts meet" in rationale(
            EpochFindings((STILL,), eyes, times and Muscle("chin", 0, times)), "W"
        )
        for eyes in (open_eyes, None)
        for times in (1.0, 5.0, None)
    }  # fmt: skip
    assert [key for key, value in met.items() if value] == [(True, 5.0)]


def test_the_limits_are_a_fifth_and_half_of_an_epoch():
    for slow_s, met in ((5.9, "do not meet"), (6.0, "meet")):
        lane = replace(STILL, slow_waves=((0.0, slow_s),), slow_wave_s=slow_s)
        assert f"facts {met}: slow waves in a fifth" in rationale(EpochFindings((lane,)), "N3")
    for alpha_s, met in ((15, "meet"), (16, "do not meet")):
        lane = replace(STILL, alpha_s=alpha_s)
        said = rationale(EpochFindings((lane,)), "N1")
        assert re.search(rf"facts {met}: [^.]*no more than half", said)


# --- rows ---


def rows(task, findings):
    return row_schema.table(
        [b"a", b"b"], "What stage?", ["N2", None], [None, None], [0, 1], [0.0, 30.0],
        pixels=["a" * 32, "b" * 32], findings=findings, task=task,
        cohort="c", subject="s", recording="r", fold=None, lanes=["C4-M1"],
    )  # fmt: skip


def test_rows_of_different_tasks_differ_only_in_question_and_answer():
    seen = [EpochFindings((STILL,)).to_dict()] * 2
    tables = {task: rows(task, seen) for task in chat.TASKS}
    kept = [table.drop(["prompt", "completion"]) for table in tables.values()]
    assert kept[0].equals(kept[1]) and kept[0].equals(kept[2])
    asked, answered = ({}, {})
    for task, table in tables.items():
        asked[task] = {row["prompt"][0]["content"][1]["text"] for row in table.to_pylist()}
        answered[task] = [
            row["completion"][0]["content"][0]["text"] if row["completion"] else None
            for row in table.to_pylist()
        ]
    assert asked["staging"] == {"What stage?"}
    assert len(set().union(*asked.values())) == 3
    assert answered["staging"] == ["N2", None]
    assert answered["perception"] == [perception(EpochFindings((STILL,)))] * 2
    assert answered["rationale"] == [rationale(EpochFindings((STILL,)), "N2"), None]


def test_an_epoch_without_findings_has_no_description():
    described = rows("perception", [EpochFindings().to_dict()] * 2).to_pylist()
    assert [row["completion"] for row in described] == [[], []]


def test_the_bands_named_are_those_measured():
    assert (
        list(BANDS_HZ)
        == re.findall(r"[a-z]+", perception(EpochFindings((STILL,))).split("(")[1])[:5]
    )


def test_the_documentation_shows_a_rationale_as_it_is_written():
    page = (ROOT / "docs" / "how_to" / "build_options.md").read_text("utf-8")
    (example,) = re.findall(r"^```text\n(Alpha rhythm.*?)\n```$", page, re.M | re.S)
    assert example == rationale(night().seen[173], night().stages[173])
