"""Public data sets as they are downloaded: built by their reader and recognised without its name.

Every planted stage is in its epoch, nights of one person are one subject's, every lane shows the
signal that the layout has for it. What comes out is what the table of the documentation says.
"""

import csv
import importlib.util
import json
import sys

import pytest
from commands import ROOT
from psgvlm.builders import simulate

from psgvlm.stages import STAGES


def load(path):
    """Load a script by its path: its folder has modules with the names of test helpers."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


data_sets = load(ROOT / "bench" / "data_sets.py")


@pytest.mark.parametrize("cohort", simulate.COHORTS)
def test_every_stage_subject_and_lane_is_right(tmp_path, cohort):
    simulate.write_variants(tmp_path, data_sets.HOURS, data_sets.SEED, [cohort])
    documented = json.loads(data_sets.RESULTS.read_text("utf-8"))[cohort]
    # `python bench/data_sets.py` writes the documented outcome anew.
    assert data_sets.outcome(tmp_path, cohort) == documented


def test_the_table_of_the_documentation_has_a_row_for_every_data_set():
    sys.path.insert(0, str(ROOT / "docs" / "_ext"))
    import data_set_table

    head, _, *rows = data_set_table.data_sets().splitlines()
    assert len(rows) == len(simulate.COHORTS)
    assert {row.count("|") for row in rows} == {head.count("|")}
    (sleep_edf,) = (row for row in rows if "Sleep-EDF" in row)
    assert "`psgvlm build sleep-edf RAW`" in sleep_edf
    assert "`EEG Fpz-Cz`\\*" in sleep_edf and "ODC-By 1.0" in sleep_edf


@pytest.mark.parametrize(
    ("cohort", "folder"),
    [
        ("mesa", "polysomnography/edfs"),
        ("mros", "polysomnography/edfs/visit1"),
        ("homepap", "polysomnography/edfs/lab/full"),
    ],
)
def test_the_folder_of_the_signals_alone_finds_the_scores_beside_it(tmp_path, cohort, folder):
    simulate.write_variants(tmp_path, data_sets.HOURS, data_sets.SEED, [cohort])
    rows, manifest = data_sets.built(tmp_path / cohort / folder, tmp_path / "corpus")
    assert rows and {row["cohort"] for row in rows} == {cohort}
    for entry in manifest:
        stages = tmp_path / "truth" / cohort / folder / f"{entry['recording']}.stages.csv"
        with stages.open() as file:
            planted = {float(r["onset_s"]): r["scored"] for r in csv.DictReader(file)}
        found = {
            row["onset"]: STAGES[row["stage"]]
            for row in rows
            if row["recording"] == entry["recording"]
        }
        assert found == {onset: stage for onset, stage in planted.items() if stage}
