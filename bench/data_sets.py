"""Build simulated raw trees of every public data set and note what comes out.

    python bench/data_sets.py

The trees are those of `psgvlm simulate --variants`: one recording of every kind that is known of a
data set. Each tree is built twice: once with the name of its reader, and once without, so that
psgvlm recognises the data set. Both must give every planted stage in its epoch, the right people
and the right signals. The script writes bench/results/data_sets.json, from which the documentation
makes its table. tests/builders/test_data_sets.py does the same and compares.
"""

import contextlib
import csv
import io
import json
import sys
import tempfile
from pathlib import Path

from psgvlm.builders import simulate
from psgvlm.builders.readers import READERS

from psgvlm import files
from psgvlm.commands import build

RESULTS = Path(__file__).parent / "results" / "data_sets.json"
HOURS, SEED = 0.25, 1
LANES = ("C4-M1", "E1", "E2", "chin")
IMAGE = "square,width=56,height=56"
# The data sets whose reader is called otherwise.
READER_OF = dict.fromkeys(["mesa", "mros", "cfs", "chat", "ccshs", "sof", "abc", "homepap"], "nsrr")
READER_OF |= dict.fromkeys(["wsc", "apples", "apoe", "nchsdb"], "nsrr")
READER_OF |= {"psg-ipa": "hmc", "hsp": "bids", "cinc2018": "wfdb", "slpdb": "wfdb"}


def main() -> None:
    results = {}
    with tempfile.TemporaryDirectory() as temporary:
        for cohort in simulate.COHORTS:
            simulate.write_variants(temporary, HOURS, SEED, [cohort])
            results[cohort] = outcome(Path(temporary), cohort)
            print(f"{cohort}: {results[cohort]['epochs']} epochs", file=sys.stderr)
    files.write_text(RESULTS, json.dumps(results, indent=1, ensure_ascii=False) + "\n")
    print(RESULTS)


def outcome(root: Path, cohort: str) -> dict:
    """Build the tree of a data set below `root` by its reader and without; return what came out.

    Raise AssertionError if the two differ, or if they are not what was simulated.
    """
    reader = READER_OF.get(cohort, cohort)
    rows, manifest = built(root / cohort, root / "corpora" / cohort, reader)
    recognised = built(root / cohort, root / "corpora" / f"{cohort}, recognised")
    no_nights = _no_nights(root / "truth" / cohort)
    assert recognised[0] == rows, f"{cohort}: the data set is not recognised"
    assert [row for row in recognised[1] if row["recording"] not in no_nights] == [
        row for row in manifest if row["recording"] not in no_nights
    ]
    check(root / "truth" / cohort, cohort, rows, manifest)
    drawn = [row for row in manifest if row["status"] == "built"]
    return {
        "reader": reader,
        "recordings": len(drawn),
        "people": len({row["subject"] for row in drawn}),
        "epochs": len(rows),
        "lanes": {lane: _sources(drawn, lane) for lane in LANES},
    }


def built(raw: Path, out: Path, reader: str = "") -> tuple[list[dict], list[dict]]:
    """Build a corpus; return the rows of its epochs without images, and those of its manifest."""
    import pyarrow.parquet as pq

    words = [raw, "--out", out, "--image", IMAGE, "--split", "100/0/0", "--workers", 1]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        build.main([*([reader] if reader else []), *map(str, words), "--allow-skips"])
    columns = ["cohort", "subject", "recording", "onset", "stage", "lanes"]
    shards = sorted(out.glob("**/train-*.parquet"))
    rows = [row for shard in shards for row in pq.read_table(shard, columns=columns).to_pylist()]
    rows.sort(key=lambda row: (row["recording"], row["onset"]))
    return rows, pq.read_table(out / "manifest.parquet").to_pylist()


def check(truth: Path, cohort: str, rows: list[dict], manifest: list[dict]) -> None:
    """Raise AssertionError if a corpus is not what was simulated."""
    from psgvlm.stages import STAGES

    planted, people = {}, {}
    for path in sorted(truth.rglob("*.json")):
        name = path.relative_to(truth).with_suffix("").as_posix()
        facts = json.loads(path.read_text("utf-8"))
        with path.with_suffix("").with_name(f"{path.stem}.stages.csv").open() as file:
            scored = {round(float(r["onset_s"]), 3): r["scored"] for r in csv.DictReader(file)}
        planted[name] = {onset: stage for onset, stage in scored.items() if stage}
        people[name] = facts["subject"]
        (entry,) = (row for row in manifest if row["recording"] == name)
        assert entry["status"] == "built", f"{name}: {entry['reason']}"
        assert entry["cohort"] == cohort, f"{name}: {entry['cohort']}"
        sources = {lane["lane"]: lane["source"] for lane in entry["lanes"]}
        for lane, expected in facts["lanes"].items():
            right = expected if isinstance(expected, list) else [expected]
            assert sources.get(lane) in right, f"{name}: {lane} <- {sources.get(lane)}"
        for other in facts["no_nights"]:
            assert not [row for row in rows if row["recording"] == other], f"{other} is no night"
    if not planted:  # test_variants_read.py compares the stages of ISRUC, MASS and SHHS
        return
    found: dict[str, dict] = {name: {} for name in planted}
    for row in rows:
        found[row["recording"]][round(row["onset"], 3)] = STAGES[row["stage"]]
    for name, stages in planted.items():
        assert found[name] == stages, f"{name}: other stages than those that were planted"
    subject_of = {row["recording"]: row["subject"] for row in rows}
    for one in planted:
        for other in planted:
            together = subject_of[one] == subject_of[other]
            assert together == (people[one] == people[other]), f"{one} and {other}"


def _no_nights(truth: Path) -> set[str]:
    """Return the names of the files that look like recordings and are none."""
    facts = (json.loads(path.read_text("utf-8")) for path in truth.rglob("*.json"))
    return {name for each in facts for name in each["no_nights"]}


def _sources(drawn: list[dict], lane: str) -> dict[str, str]:
    """Return the note of each source of a lane, in the order of the recordings; "" is no source."""
    sources = {}
    for row in drawn:
        lanes = {one["lane"]: one for one in row["lanes"]}
        one = lanes.get(lane, {"source": "", "note": ""})
        sources[one["source"]] = one.get("note") or ""
    return sources


if __name__ == "__main__":
    assert set(READER_OF.values()) <= set(READERS)
    main()
