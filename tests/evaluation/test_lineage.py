"""How a report describes contenders, and which cohorts they were trained on."""

import json

import pytest

from psgvlm.evaluation import baseline_names, lineage


@pytest.fixture
def folders(tmp_path):
    """Folders of three models: of one cohort, on a base model, and without a training record."""
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


def test_models_are_described_by_their_training_records(folders):
    described = lineage.describe(folders, folders, set())
    assert described["trained_on"] == {"one": ["isruc"], "two": ["isruc", "shhs"], "three": None}
    assert described["what"] == {
        "one": "a tiny model, trained from scratch",
        "two": "SmolVLM, fine-tuned, LoRA, with 1 neighbouring epoch on each side",
        "three": "a model without a record of its training",
    }


def test_a_baseline_has_seen_its_own_cohorts_and_those_of_its_model(folders):
    names = [*folders, "one, smoothed", "majority", "yasa", "usleep", "vision-only of one",
             "vision-only of three", "zero-shot of one"]  # fmt: skip
    described = lineage.describe(names, folders, {"mass", "shhs"})
    assert list(described["what"]) == names
    assert described["what"]["one, smoothed"].startswith("one, each night smoothed")
    trained_on = described["trained_on"].items()
    fitted = {name: cohorts for name, cohorts in trained_on if name not in folders}
    assert fitted == {
        **{"majority": ["mass", "shhs"], "yasa": None, "usleep": ["mass", "shhs"]},
        **{"vision-only of one": ["isruc", "mass", "shhs"], "vision-only of three": None},
        "zero-shot of one": None,
    }
    assert set(baseline_names.DESCRIPTIONS) == set(baseline_names.NAMES)


def test_a_baseline_of_the_only_model_has_its_name_alone(folders):
    described = lineage.describe(["one", "vision-only"], {"one": folders["one"]}, {"mass"})
    assert described["trained_on"]["vision-only"] == ["isruc", "mass"]
