"""The scoring bench: every way answers for every epoch, and its table says what it found."""

import json
import sys

import pytest
from commands import ROOT

sys.path.append(str(ROOT / "bench"))

import score as bench

from psgvlm.models.vlm import StagingModel
from psgvlm.stages import STAGES


@pytest.fixture(scope="module")
def tiny():
    model, processor, spec = bench.build(bench.TINY, "cpu")
    return StagingModel(model, processor, spec), bench.pictures(spec, 3)


def test_a_few_epochs(tmp_path, capsys):
    out = tmp_path / "score.json"
    words = ("--models", bench.TINY, "--epochs", 6, "--rounds", 1, "--night", 8, "--out", out)
    found = bench.main([str(word) for word in words])
    assert json.loads(out.read_text("utf-8")) == found
    of = found["models"][bench.TINY]
    told = capsys.readouterr().out
    for way, (_, what) in bench.WAYS.items():
        assert of[way]["epochs_per_s"] > 0
        assert f"| {what} | {of[way]['epochs_per_cpu_s']:.1f} |" in told
    ratio = of["ours"]["epochs_per_cpu_s"] / of["generate"]["epochs_per_cpu_s"]
    assert of["ratio"] == pytest.approx(ratio, rel=0.01)
    assert f"goal 3 | {of['ratio']:.2f}{' (missed)' * (of['ratio'] < 3)} |" in told
    assert "a night of 8 epochs" in told


def test_the_card_s_way_reads_the_same_question_and_picture(tiny, monkeypatch):
    """What it generates from is what the scorer scores: else their times were of two things."""
    import torch

    from psgvlm.models import inference

    model, night = tiny
    epochs, given = list(bench.decoded(night)), {}
    generate = model.model.generate

    def caught(**inputs):
        given.update(inputs)
        return generate(**inputs)

    monkeypatch.setattr(model.model, "generate", caught)
    texts = bench.Way("generate", model).generate(epochs)
    wanted = inference.inputs_of(model, epochs)
    assert len(texts) == 3
    assert torch.equal(given["input_ids"], wanted["input_ids"])
    assert torch.allclose(given["pixel_values"], wanted["pixel_values"])
    assert given["max_new_tokens"] == 2  # the answer and the end of the turn
    assert len(STAGES) == len(next(bench.Way("ours", model).answers(night)))
