"""Files of real users, public data sets and programs: the right stage in every epoch, or a reason.

The cases lie beside the repository; see `shared_cases`.
"""

import pytest
from commands import command
from shared_cases import cases, faults, require_cases, run, write_input


def test_there_are_cases():
    require_cases()
    assert len(cases()) >= 24


@pytest.mark.parametrize("name", cases())
def test_case(name, tmp_path):
    """Every recording is read rightly or refused for its reason, and `inspect` says the same."""
    case, raw = cases()[name], tmp_path / "raw"
    write_input(case, raw)
    outcome = run(case, raw, tmp_path / "corpus")
    assert faults(case, outcome) == []
    folder = raw / {"rec_hyp": "old", "rec_hyp_day": "day"}.get(name, "")
    words = ["--image", "folded,montage=aasm"] if name == "labels" else ["--image", "folded"]
    seen = command("-m", "builders", "inspect", folder, *words)
    assert "Traceback" not in seen.stderr
    verdicts = {
        words[0]: words[-1] for line in seen.stdout.splitlines()
        if (words := line.split()) and words[-1] in ("ok", "SKIP")
    }  # fmt: skip
    built = {name: row["status"] == "built" for name, row in outcome.manifest.items()}
    assert {name: verdicts.get(name) == "ok" for name in built} == built


@pytest.mark.parametrize("suffix", [".edf", ".txt"])
def test_hmc_with_one_of_the_two_score_files(suffix, tmp_path):
    require_cases()
    case, raw = cases()["hmc"], tmp_path / "raw"
    write_input(case, raw)
    for expected in case["recordings"].values():
        expected.pop("announce")  # one file is left: there is nothing to say
    for path in raw.rglob(f"*_sleepscoring{suffix}"):
        path.unlink()
    assert faults(case, run(case, raw, tmp_path / "corpus")) == []


def test_mesa_has_no_c3_m2(tmp_path):
    """MESA's EEG2 is Cz-Oz; in SHHS the same label is C3-A2."""
    require_cases()
    case, raw = cases()["nsrr"], tmp_path / "raw"
    write_input(case, raw)
    mesa = {**case, "command": "python -m builders folder RAW/mesa --out CORPUS --workers 1"}
    outcome = run(mesa, raw, tmp_path / "corpus", "--image", "folded,montage=shhs")
    (row,) = outcome.manifest.values()
    sources = {lane["lane"]: lane["source"] for lane in row["lanes"]}
    assert sources["C4-M1"] == "EEG3" and sources.get("C3-M2") is None


@pytest.mark.parametrize("name", ["a_unknown5", "b_one_line"])
def test_numbers_are_read_by_the_table_that_the_user_names(name, tmp_path):
    require_cases()
    case, raw = cases()["numbers"], tmp_path / "raw"
    write_input(case, raw)
    outcome = run(case, raw, tmp_path / "corpus", "--codes", "aasm")
    words = cases()["numbers"]["recordings"]["d_spaces"]["stages"]
    right = {float(t): stage for a, b, stage in words for t in range(a, b + 1, 30)}
    if name == "a_unknown5":
        del right[300.0]
    assert outcome.stages[name] == right


def test_a_label_without_an_electrode_is_drawn_where_the_user_says_so(tmp_path):
    require_cases()
    case, raw = cases()["headband"], tmp_path / "raw"
    write_input(case, raw)
    for path in raw.glob("single*"):
        path.unlink()
    outcome = run(case, raw, tmp_path / "corpus", "--map", "C4-M1=EEG F7-O1")
    (row,) = outcome.manifest.values()
    assert row["status"] == "built" and outcome.stages["dreem"]
    assert {lane["lane"]: lane["source"] for lane in row["lanes"]}["C4-M1"] == "EEG F7-O1"
