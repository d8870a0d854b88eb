"""What a report calls contenders, and which cohorts they have seen."""

import json

import pytest

from psgvlm.evaluation import baselines, lineage


@pytest.fixture
def folders(tmp_path):
    """A model of one cohort, one on a base model, and one that does not tell."""
    records = {
        "one": {"config": "isruc", "base_model": None},
        "two": {"config": None, "fingerprint": {"shhs": ""}, "base_cohorts": ["isruc"],
                "base_model": "SmolVLM", "lora": True, "neighbours": 1},
    }  # fmt: skip
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
        if name in records:
            (tmp_path / name / "training.json").write_text(json.dumps(records[name]))
    return {name: str(tmp_path / name) for name in ("one", "two", "three")}


def test_models(folders):
    told = lineage.tell(folders, folders, set())
    assert told["trained_on"] == {"one": ["isruc"], "two": ["isruc", "shhs"], "three": None}
    assert told["what"] == {
        "one": "a tiny model, trained from scratch",
        "two": "SmolVLM, fine-tuned, LoRA, with a context of 1 on either side",
        "three": "a model without a record of its training",
    }


def test_baselines_have_seen_what_they_were_fitted_on_and_their_model_has(folders):
    names = [*folders, "one, viterbi", "majority", "yasa", "usleep", "vision-only of one",
             "vision-only of three", "zero-shot of one"]  # fmt: skip
    told = lineage.tell(names, folders, {"mass", "shhs"})
    assert list(told["what"]) == names
    assert told["what"]["one, viterbi"].startswith("one, each night smoothed (viterbi)")
    fitted = {name: of for name, of in told["trained_on"].items() if name not in folders}
    assert fitted == {
        **{"majority": ["mass", "shhs"], "yasa": None, "usleep": ["mass", "shhs"]},
        **{"vision-only of one": ["isruc", "mass", "shhs"], "vision-only of three": None},
        "zero-shot of one": None,
    }
    assert set(baselines.WHAT) == set(baselines.NAMES)


def test_a_baseline_of_the_only_model_has_its_name_alone(folders):
    told = lineage.tell(["one", "vision-only"], {"one": folders["one"]}, {"mass"})
    assert told["trained_on"]["vision-only"] == ["isruc", "mass"]
