"""The cases of real users' files, which lie beside the repository: what is right for each.

`expected.json` says it for every recording; its `about` explains the keys.
"""

import json
import os
import shlex
import subprocess
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from commands import ROOT, command

FOLDER = ROOT.parent / "shared" / "cases"
EPOCH_S = 30


def cases() -> dict[str, dict]:
    """Return the cases by name; none where they do not lie beside the repository."""
    path = FOLDER / "expected.json"
    if not path.is_file():
        return {}
    return {case["case"]: case for case in json.loads(path.read_text("utf-8"))["cases"]}


def require_cases() -> None:
    """Skip the test without the cases; with the environment variable CI=true let it fail."""
    if not cases():
        message = f"{FOLDER}: no cases; expected expected.json and its scripts"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)


def write_input(case: dict, raw: Path) -> None:
    """Write the input of a case into a new folder."""
    raw.mkdir()
    words = [sys.executable, case["script"], str(raw)]
    subprocess.run(words, cwd=FOLDER, check=True, capture_output=True)


@dataclass
class Outcome:
    """What became of a case: what was printed, and the manifest and the rows by recording."""

    printed: str
    status: int
    manifest: dict[str, dict] = field(default_factory=dict)
    stages: dict[str, dict[float, str | None]] = field(default_factory=dict)


def run(case: dict, raw: Path, corpus: Path, *more: str) -> Outcome:
    """Run the command of a case as a build, and read the corpus it wrote."""
    import pyarrow.parquet as pq

    words = shlex.split(case["command"])[1:]
    if "inspect" in words:  # the build with the options of the inspection
        words = ["-m", "builders", "folder", "RAW", "--out", "CORPUS", "--workers", "1"]
        words += ["--split", "100/0/0", "--image", "folded,montage=aasm"]
    words = [word.replace("RAW", str(raw)).replace("CORPUS", str(corpus)) for word in words]
    done = command(*words, *more)
    outcome = Outcome(done.stdout + done.stderr, done.returncode)
    if (corpus / "manifest.parquet").is_file():
        rows = pq.read_table(corpus / "manifest.parquet").to_pylist()
        outcome.manifest = {row["recording"]: row for row in rows}
    columns = ["recording", "onset", "stage", "subject"]
    stages = defaultdict(dict)
    for path in sorted(corpus.glob("*/*.parquet")):
        for row in pq.read_table(path, columns=columns).to_pylist():
            label = row["stage"]
            stage = None if label is None else ("W", "N1", "N2", "N3", "R")[label]
            stages[row["recording"]][row["onset"]] = stage
    outcome.stages = dict(stages)
    return outcome


def faults(case: dict, outcome: Outcome) -> list[str]:
    """Return everything in which an outcome differs from what is right."""
    found = []
    for name, expected in case["recordings"].items():
        found += [f"{name}: {fault}" for fault in _faults_of(name, expected, outcome)]
    found += _same_subject_faults(case, outcome)
    if "Traceback" in outcome.printed:
        found.append("a traceback was printed")
    return found


def _faults_of(name: str, expected: dict, outcome: Outcome) -> list[str]:
    row = outcome.manifest.get(name)
    printed = outcome.printed.casefold()
    if row is None or row["status"] != "built":
        if expected["outcome"] == "read":
            return [f"not read: {row['reason'] if row else outcome.printed[-600:]}"]
        reason = row["reason"] if row and row["reason"] else outcome.printed
        return [
            f"the refusal lacks {word!r}: {reason[-400:]}"
            for word in expected.get("refusal", [])
            if word.casefold() not in reason.casefold()
        ]
    if expected["outcome"] == "refused":
        return ["read, and should be refused"]
    stages = {onset: stage for onset, stage in outcome.stages.get(name, {}).items() if stage}
    found = []
    if "stages" in expected:
        right = {
            float(onset): stage
            for first, last, stage in expected["stages"]
            for onset in range(first, last + 1, EPOCH_S)
        }
        if stages != right and not (
            "longer share" in expected.get("also", "") and _differ_in_shared(stages, right)
        ):
            wrong = {t: (right.get(t), stages.get(t)) for t in {*right, *stages}}
            wrong = {t: pair for t, pair in sorted(wrong.items()) if pair[0] != pair[1]}
            found.append(
                f"{len(wrong)} epochs differ (right, read): {dict(list(wrong.items())[:6])}"
            )
    if "counts" in expected and Counter(stages.values()) != expected["counts"]:
        found.append(f"counts {Counter(stages.values())}, right {expected['counts']}")
    sources = {lane["lane"]: lane["source"] for lane in row["lanes"]}
    for lane, right in expected.get("lanes", {}).items():
        allowed = right if isinstance(right, list) else [right]
        if sources.get(lane) not in allowed:
            found.append(f"lane {lane} <- {sources.get(lane)}, right {right}")
    notes = " ".join(row["notes"]).casefold()
    for word, meaning in expected.get("announce", {}).items():
        needed = lane_filled_by(word, sources) if "where" in meaning else True
        if needed and not (word.casefold() in printed or word.casefold() in notes):
            found.append(f"not announced: {word} ({meaning})")
    return found


def _differ_in_shared(stages: dict[float, str], right: dict[float, str]) -> bool:
    """Return whether stages differ from what is right only in epochs that two stages share.

    Those are left out of what is right, and may be of one of the two stages. Others may be unscored
    beside them.
    """
    between = {
        onset: (right.get(onset - EPOCH_S), right.get(onset + EPOCH_S))
        for onset in stages.keys() - right.keys()
    }
    return bool(stages) and all(
        stage == right[onset] if onset in right else stage in between[onset]
        for onset, stage in stages.items()
    )


def lane_filled_by(word: str, sources: dict[str, str | None]) -> bool:
    """Return whether a signal fills a lane: some need a word only then."""
    return any(source and word in source for source in sources.values())


def _same_subject_faults(case: dict, outcome: Outcome) -> list[str]:
    group_of = {name: name for name in case["recordings"]}
    for group in case.get("same_subject", []):
        group_of |= dict.fromkeys(group, group[0])
    subjects = {
        name: (row["cohort"], row["subject"])
        for name, row in outcome.manifest.items()
        if name in group_of and row["status"] == "built"
    }
    return [
        f"{one} and {other}: subjects {subjects[one]} and {subjects[other]}"
        for one in subjects
        for other in subjects
        if one < other and (group_of[one] == group_of[other]) != (subjects[one] == subjects[other])
    ]
