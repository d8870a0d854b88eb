"""The card of an adapter holds measured figures only, in the form that the Hub reads."""

import json
import re
import shutil
from pathlib import Path

import pytest
import yaml
from cards import PLACEHOLDERS, pngs
from huggingface_hub import ModelCard, parse_eval_result_entries

from psgvlm import model_card
from psgvlm.commands import card
from psgvlm.commands import eval as eval_command
from psgvlm.errors import InputError
from psgvlm.evaluation.report.cells import interval_text
from psgvlm.hub import repo_files
from psgvlm.stages import STAGES

NAMES = {"name": "someone/psgvlm-tiny", "dataset": "someone/psg-images"}


@pytest.fixture(scope="module")
def measured(adapter, corpus, tmp_path_factory):
    """A copy of the adapter and its report: calibrated, with a floor, without damage."""
    folder = tmp_path_factory.mktemp("measured")
    shutil.copytree(adapter, folder / "tiny")
    words = ["--model", folder / "tiny", "--dataset", corpus, "--out", folder / "report"]
    eval_command.main(
        [*map(str, words), "--baselines", "majority", "--calibrate", "--device", "cpu"]
    )
    return folder / "tiny", folder / "report"


@pytest.fixture
def tiny(measured, tmp_path):
    return shutil.copytree(measured[0], tmp_path / "tiny")


def figures(report):
    return json.loads((report / "metrics.json").read_text("utf-8"))


def changed(report, folder, change):
    """A copy of the report with changed figures."""
    found = figures(report)
    change(found)
    folder.mkdir()
    (folder / "metrics.json").write_text(json.dumps(found), "utf-8")
    return folder


def test_the_hub_s_library_reads_figures_intervals_and_protocol(tiny, measured, corpus):
    path = model_card.write(tiny, measured[1], corpus, **NAMES)
    data = ModelCard.load(path).data
    assert (data.library_name, data.pipeline_tag) == ("transformers", "image-text-to-text")
    assert data.datasets == [NAMES["dataset"]]
    assert data.model_name == NAMES["name"]
    known = figures(measured[1])["contenders"]["tiny"]["summary_by_cohort"]
    assert len(data.eval_results) == 9
    for result in data.eval_results:
        key = {"cohen_kappa": "kappa", "f1": "macro_f1"}.get(result.metric_type, "accuracy")
        estimate = known[result.dataset_config]["pooled"][key]
        assert result.metric_value == pytest.approx(estimate["value"], abs=5e-5)
        assert result.dataset_split == "test"
        args = result.metric_args
        assert args["subjects"] == known[result.dataset_config]["subjects"]
        # A cohort of one subject has no interval, so the card has none.
        assert ("interval" in args) == (estimate["low"] is not None)
    (file,) = (tiny / ".eval_results").iterdir()
    entries = parse_eval_result_entries(yaml.safe_load(file.read_text("utf-8")))
    assert {entry.task_id for entry in entries} == {"isruc", "mass", "shhs"}
    for entry in entries:
        assert entry.dataset_id == NAMES["dataset"]
        kappa = known[entry.task_id]["pooled"]["kappa"]
        assert entry.value == pytest.approx(kappa["value"], abs=5e-5)


def test_the_text_has_the_figures_of_the_report(tiny, measured):
    text = model_card.write(tiny, measured[1], note="Two steps of training.").read_text("utf-8")
    pooled = figures(measured[1])["contenders"]["tiny"]["summary"]["pooled"]
    for key in ("kappa", "macro_f1", "accuracy"):
        assert interval_text(pooled[key]) in text
    assert "\n> Two steps of training.\n" in text
    training = json.loads((tiny / "training.json").read_text())
    assert f"| time | {training['train_seconds']:,.0f} s |" in text
    assert "| sleep epochs per step | 4 |" in text
    temperature = json.loads((tiny / "calibration.json").read_text())["temperature"]
    assert f"The temperature {temperature:.3f}" in text
    assert "The model was not trained on any of them" in text
    assert "not for commercial use" in " ".join(text.split())  # MASS and SHHS are in it


def test_the_card_leaves_out_what_was_not_measured(tiny, measured, tmp_path):
    text = model_card.write(tiny, measured[1]).read_text("utf-8")
    assert "Damaged signals" not in text
    bare = model_card.write(tiny).read_text("utf-8")
    assert "was not measured yet" in bare
    for word in ("κ", "model-index", "widget", "By cohort", "epochs/s"):
        assert word not in bare
    assert "datasets:" not in bare  # a local folder is not a name
    assert not (tiny / ".eval_results").exists() or not any((tiny / ".eval_results").iterdir())

    def damage(found):
        of = {"value": 0.25, "low": 0.125, "high": 0.375}
        points = [{"severity": "0 dB SNR", "kappa": of, "balanced_accuracy": of}]
        found["damage"] = {"white": {"tiny": points, "majority": points}}
        found["contenders"]["tiny"]["calibrated"] = None
        found["about"]["unseen"] = False

    text = model_card.write(tiny, changed(measured[1], tmp_path / "r", damage)).read_text("utf-8")
    assert "| white | 0 dB SNR |" in text
    assert "| **tiny** | 0.250 (0.125 to 0.375) |" in text
    assert "temperature" not in text
    assert "may have been trained on some of them" in text


def test_a_corpus_that_was_not_trained_on_keeps_its_own_name(tiny, measured, tmp_path):
    def elsewhere(found):
        found["about"]["datasets"] = ["someone/other"]

    report = changed(measured[1], tmp_path / "elsewhere", elsewhere)
    data = ModelCard.load(model_card.write(tiny, report, dataset=NAMES["dataset"])).data
    assert data.datasets == [NAMES["dataset"]]
    assert {result.dataset_type for result in data.eval_results} == {"someone/other"}


def test_a_model_of_unknown_cohorts_is_treated_as_under_agreement(tiny):
    training = json.loads((tiny / "training.json").read_text())
    (tiny / "training.json").write_text(json.dumps(training | {"fingerprint": {}}))
    assert "under an agreement" in model_card.write(tiny).read_text("utf-8")


def test_epochs_are_shown_with_the_answers_of_the_report(tiny, measured, corpus):
    import pandas as pd

    path = model_card.write(tiny, measured[1], corpus)
    shown = yaml.safe_load(path.read_text("utf-8").split("---\n")[1])["widget"]
    frame = pd.read_parquet(measured[1] / "predictions.parquet").query("model == 'tiny'")
    isruc = frame[frame["cohort"] == "isruc"]
    scored = [entry["example_title"].rpartition(" ")[2] for entry in shown]
    assert scored == [stage for stage in STAGES if stage in set(isruc["stage"])]
    for stage, entry in zip(scored, shown, strict=True):
        assert (stage, (tiny / entry["src"]).read_bytes()) in pngs(corpus, "isruc")
        first = isruc[isruc["stage"] == stage].iloc[0]
        assert entry["output"] == {"text": first["predicted"]}
        assert entry["text"] == repo_files.load_image_spec(tiny, "model").prompt
    model_card.write(tiny, measured[1])
    assert not (tiny / "images").exists()


def test_no_picture_of_a_cohort_under_an_agreement(tiny, measured, corpus, tmp_path):
    import pandas as pd

    report = shutil.copytree(measured[1], tmp_path / "report")
    frame = pd.read_parquet(report / "predictions.parquet")
    frame[frame["cohort"] != "isruc"].to_parquet(report / "predictions.parquet")
    assert "widget" not in model_card.write(tiny, report, corpus).read_text("utf-8")
    assert not (tiny / "images").exists()


def test_a_report_of_another_model_is_refused(tiny, measured, corpus, tmp_path):
    before = (tiny / "README.md").read_bytes()
    weights = bytearray((tiny / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (tiny / "model.safetensors").write_bytes(weights)
    with pytest.raises(InputError, match="the report is of tiny, whose files are not those in"):
        model_card.write(tiny, measured[1])
    with pytest.raises(InputError, match=r"metrics.json: cannot be read \(FileNotFoundError"):
        model_card.write(tiny, tmp_path)
    old = changed(measured[1], tmp_path / "old", lambda found: found["about"].pop("fingerprints"))
    with pytest.raises(InputError, match="run psgvlm eval again"):
        model_card.write(tiny, old)
    with pytest.raises(InputError) as refused:
        model_card.write(tiny, corpus=corpus)
    assert refused.value.parameter == "report"
    (tiny / "training.json").unlink()
    with pytest.raises(InputError, match=r"training.json: no base_model; expected"):
        model_card.write(tiny)
    assert (tiny / "README.md").read_bytes() == before


def test_the_snippet_runs_as_it_stands(tiny, raw, monkeypatch, capsys):
    path = model_card.write(tiny)
    shutil.copy(next((raw / "shhs").rglob("*.edf")), tiny / "night.edf")
    monkeypatch.chdir(tiny)
    (snippet,) = re.findall(r"```python\n(.*?)```", path.read_text("utf-8"), re.DOTALL)
    exec(snippet, {})
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 60  # half an hour
    assert all(re.fullmatch(r"\d+ s: (W|N1|N2|N3|R) \([01]\.\d\d\)", line) for line in lines)


def test_no_placeholder_and_no_path_of_this_machine(tiny, measured, corpus, adapter):
    cards = [adapter / "README.md", model_card.write(tiny, measured[1], corpus, **NAMES)]
    for path in cards:
        text = path.read_text("utf-8")
        assert PLACEHOLDERS.findall(text) == []
        assert str(Path.home()) not in text
        assert str(tiny.parent) not in text


def test_the_command_writes_the_same_card_again(tiny, measured, corpus, capsys):
    words = [tiny, "--report", measured[1], "--corpus", corpus, "--name", NAMES["name"]]
    words = [*map(str, words), "--dataset", NAMES["dataset"]]
    assert card.main(words) == 0
    assert capsys.readouterr().out == f"{tiny / 'README.md'}\n"
    first = {path: path.read_bytes() for path in tiny.rglob("*") if path.is_file()}
    assert card.main(words) == 0
    assert {path: path.read_bytes() for path in tiny.rglob("*") if path.is_file()} == first
    assert not [path for path in first if path.suffix == ".tmp"]
