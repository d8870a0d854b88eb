"""Public data sets as they are downloaded: built by their reader and recognised without its name.

Every planted stage is in its epoch, nights of one person are one subject's, every lane shows the
signal that the layout has for it. What comes out is what the table of the documentation says.
"""

import json
import sys

import pytest
from commands import ROOT
from psgvlm.builders import simulate

sys.path.insert(0, str(ROOT / "bench"))


@pytest.mark.parametrize("cohort", simulate.COHORTS)
def test_every_stage_subject_and_lane_is_right(tmp_path, cohort):
    import data_sets

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
