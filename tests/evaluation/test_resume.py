"""An evaluation that was stopped continues; several processes give what one process gives."""

import json

import numpy as np
import pandas as pd
import pytest
from commands import command
from pandas.testing import assert_frame_equal

from psgvlm.commands.eval import main
from psgvlm.corpus import loading
from psgvlm.errors import InputError
from psgvlm.evaluation import answers, contenders
from psgvlm.evaluation.answers import AnswerStore
from psgvlm.evaluation.baselines.floors import MajorityBaseline
from psgvlm.evaluation.corpus_nights import nights_of_split
from psgvlm.image_spec import PRESETS
from psgvlm.models import inference

P = [f"p_{stage}" for stage in ("W", "N1", "N2", "N3", "R")]


@pytest.fixture
def nights(corpus):
    return nights_of_split(loading.load_split(str(corpus), "test"), PRESETS["square"])


class Guess:
    """A contender whose answers depend on the night alone; it records which nights it staged."""

    name = "guess"

    def __init__(self, stop_after=None):
        self.asked, self.stop_after = [], stop_after

    def probabilities(self, night):
        if len(self.asked) == self.stop_after:
            raise KeyboardInterrupt
        self.asked.append(night.name)
        p = np.random.default_rng(len(night.name)).random((len(night.index), 5))
        return p / p.sum(axis=1, keepdims=True)


def test_stored_answers_are_not_computed_again(nights, tmp_path):
    whole, _ = contenders.stage_nights(Guess(), nights)
    with pytest.raises(KeyboardInterrupt):
        contenders.stage_nights(Guess(stop_after=2), nights, answers=AnswerStore(tmp_path, "run"))
    assert len(list((tmp_path / "answers-run").iterdir())) == 2
    again = Guess()
    frame, cost = contenders.stage_nights(again, nights, answers=AnswerStore(tmp_path, "run"))
    assert again.asked == [night.name for night in nights[2:]]
    assert_frame_equal(frame, whole)
    assert cost["epochs"] == len(whole)
    # At the third start every answer is stored, with its cost.
    idle = Guess(stop_after=0)
    frame, same = contenders.stage_nights(idle, nights, answers=AnswerStore(tmp_path, "run"))
    assert_frame_equal(frame, whole)
    assert same == cost


def test_answers_belong_to_one_run_and_one_question(nights, tmp_path):
    contenders.stage_nights(Guess(), nights, answers=AnswerStore(tmp_path, "run"))
    for run, what in (("other", None), ("run", "guess, white 0 dB SNR")):
        asked = Guess()
        contenders.stage_nights(asked, nights, what, AnswerStore(tmp_path, run))
        assert len(asked.asked) == len(nights)


@pytest.mark.parametrize("damage", ["cut", "byte", "other epochs", "no table"])
def test_a_damaged_answer_file_is_computed_again(nights, tmp_path, damage, capsys):
    whole, _ = contenders.stage_nights(Guess(), nights, answers=AnswerStore(tmp_path, "run"))
    kept = AnswerStore(tmp_path, "run")
    first = kept.folder / f"{kept._key('guess', nights[0])}.parquet"
    held = first.read_bytes()
    if damage == "cut":
        first.write_bytes(held[: len(held) // 2])
    elif damage == "byte":
        first.write_bytes(held[:100] + bytes([held[100] ^ 255]) + held[101:])
    elif damage == "no table":
        first.write_bytes(b"")
    else:
        shorter = pd.read_parquet(first).iloc[1:]
        answers._write(
            answers.NightAnswers(shorter, {"seconds": 1.0, "peak_memory_gib": 1.0}), first
        )
    again = Guess()
    frame, _ = contenders.stage_nights(again, nights, answers=AnswerStore(tmp_path, "run"))
    assert again.asked == [nights[0].name]
    assert f"{first}: cannot be used" in capsys.readouterr().out
    assert_frame_equal(frame, whole)


def test_answers_that_cannot_be_written_are_an_error(nights, tmp_path):
    (tmp_path / "answers-run").write_text("a file")
    with pytest.raises(InputError, match="answers-run: cannot write the answers"):
        contenders.stage_nights(Guess(), nights, answers=AnswerStore(tmp_path, "run"))


class OneOfTwo:
    """Acts as the first of two processes; the second one never answers."""

    process_index, num_processes, is_main_process = 0, 2, True

    def wait_for_everyone(self):
        pass


def test_each_process_answers_for_its_own_nights(nights, tmp_path):
    mine = Guess()
    with pytest.raises(InputError, match=f"no answers for {nights[1].name}, which another"):
        contenders.stage_nights(mine, nights, answers=AnswerStore(tmp_path, "run", OneOfTwo()))
    assert mine.asked == [night.name for night in nights[::2]]


def test_a_baseline_is_fitted_once_and_only_when_needed(nights, tmp_path):
    fitted = []

    def split(name):
        fitted.append(name)
        return nights

    for _ in range(2):
        late = contenders.LazyBaseline(MajorityBaseline(), split)
        for what in (None, "majority, damaged"):
            _, cost = contenders.stage_nights(late, nights, what, AnswerStore(tmp_path, "run"))
            assert cost["fit_s"] > 0
    assert fitted == ["train", "validation"]


# --- the whole command ---


@pytest.fixture(scope="module")
def whole(adapter, corpus, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "r"
    main(words(adapter, corpus, out))
    return out


def words(adapter, corpus, out):
    given = ("--model", adapter, "--dataset", corpus, "--out", out, "--baselines", "majority")
    return [*map(str, given), "--device", "cpu"]


def table(out):
    return pd.read_parquet(out / "predictions.parquet")


def test_a_stopped_evaluation_continues_where_it_was(adapter, corpus, whole, tmp_path, monkeypatch):
    words_, scored = words(adapter, corpus, tmp_path / "r"), []
    score = inference.StageClassifier.probabilities

    def counted(self, epochs):
        if len(scored) == counted.stop_after:
            raise KeyboardInterrupt
        scored.append(self)
        return score(self, epochs)

    monkeypatch.setattr(inference.StageClassifier, "probabilities", counted)
    counted.stop_after = 2
    with pytest.raises(KeyboardInterrupt):
        main(words_)
    (left,) = (tmp_path / "r").iterdir()
    assert len(list(left.iterdir())) == 2
    counted.stop_after = None
    main(words_)
    assert len(scored) == 3  # a night of each cohort
    assert_frame_equal(table(tmp_path / "r"), table(whole))
    assert not left.exists()


def test_two_processes_give_what_one_process_gives(adapter, corpus, whole, tmp_path):
    done = command("eval.py", *words(adapter, corpus, tmp_path / "r"), processes=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("kappa") == 1
    one, two = table(whole), table(tmp_path / "r")
    assert np.allclose(one[P], two[P], rtol=0, atol=1e-5)
    assert_frame_equal(one.drop(columns=P), two.drop(columns=P))
    about = [
        json.loads((out / "metrics.json").read_text("utf-8"))["about"]
        for out in (whole, tmp_path / "r")
    ]
    assert [of["processes"] for of in about] == [1, 2]
    for name, cost in about[0]["cost"].items():
        assert about[1]["cost"][name].keys() == cost.keys()
        assert about[1]["cost"][name]["epochs"] == cost["epochs"] == len(one) / 2
