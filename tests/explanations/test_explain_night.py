"""Explaining epochs of a staged night: the choice of epochs, the files, and a second run."""

import json

import numpy as np
import pytest
from PIL import Image
from recordings import SECRET, montage, write_edf

from psgvlm.commands import explain, stage
from psgvlm.errors import InputError
from psgvlm.explanations import chosen_epochs, night_pages
from psgvlm.staging.stager import Stager


@pytest.fixture(scope="module")
def stager(adapter):
    return Stager(str(adapter), batch_size=4)


@pytest.fixture(scope="module")
def night(stager, tmp_path_factory):
    path = tmp_path_factory.mktemp("night") / "one.edf"
    return stager.open(write_edf(path, montage(("C4-M1", "E1-M2", "E2-M1", "chin"), 155)))


@pytest.fixture(scope="module")
def staged(stager, night):
    return stager.stage(night)


def test_epochs_are_chosen_by_words_or_numbers(staged):
    def numbers(words, under=0.6):
        return (chosen_epochs.rows(words, staged, under) + 1).tolist()

    assert numbers("all") == [1, 2, 3, 4, 5]
    assert numbers("2, 4-5,4") == [2, 4, 5]
    assert sorted(numbers("uncertain", 1.1)) == [1, 2, 3, 4, 5]
    assert numbers("uncertain", 1.1)[0] == staged.confidence.argmin() + 1
    assert numbers("uncertain", 0.0) == []


@pytest.mark.parametrize(
    "words", ["", "first", "0", "6", "3-9", "4-2", "-1", "1;2", "1-2-3", "9" * 9]
)
def test_texts_that_name_no_epochs_are_refused(staged, words):
    with pytest.raises(InputError, match=f"epochs '{words}'") as error:
        chosen_epochs.rows(words, staged, 0.6)
    assert error.value.parameter == "explain"


def test_epochs_that_are_explained_already_are_kept(stager, night, staged, tmp_path, monkeypatch):
    def write(rows, method="gradient", **options):
        night_pages.write(tmp_path, stager.model, night, staged, np.array(rows), method, **options)
        return json.loads((tmp_path / night_pages.RESULT).read_text())["epochs"]

    done = []
    numbers = write([1, 3], progress=done.append)
    assert done == [1, 2]
    assert list(numbers) == ["2", "4"]
    for number, figures in numbers.items():
        row = int(number) - 1
        assert figures["stage"] == staged.stages[row]
        assert figures["sentence"].startswith(
            f"{figures['stage']} (p {staged.raw_probabilities[row].max():.2f})"
        )
        assert list(figures["lanes"]) == ["C4-M1", "E1", "E2", "chin"]
        assert list(figures["seconds"]) == [str(second) for second in range(30)]
        with Image.open(tmp_path / night_pages.picture_name(number)) as picture:
            assert min(picture.size) > 300
    page = (tmp_path / "explanations.html").read_text()
    assert page.count("<img") == 2
    assert numbers["2"]["sentence"] in page
    assert not any(word in page for word in SECRET)

    calls = []
    explain = night_pages.explain
    monkeypatch.setattr(night_pages, "explain", lambda *words: calls.append(1) or explain(*words))
    assert write([1, 2, 3]) == {"2": numbers["2"], "3": write([2])["3"], "4": numbers["4"]}
    assert len(calls) == 1
    (tmp_path / night_pages.picture_name(2)).unlink()
    assert write([1])["2"] == numbers["2"]
    assert len(calls) == 2
    assert list(write([0], method="ablation")) == ["1"]  # another method begins anew
    (tmp_path / night_pages.RESULT).write_text("{")
    assert list(write([0])) == ["1"]


def test_the_command(adapter, night, tmp_path, capsys):
    words = [str(night.path), "--model", str(adapter), "--out", str(tmp_path)]
    assert stage.main([*words, "--explain", "2", "--method", "gradient"]) == 0
    assert "epochs explained: 1" in capsys.readouterr().out
    assert (tmp_path / "explained" / "epoch-00002.png").is_file()
    assert (tmp_path / "hypnogram.json").is_file()
    assert stage.main([*words, "--explain", "77"]) == 1
    assert "has no epoch 77 that was staged; expected 1 to 5" in capsys.readouterr().err


def test_the_commands_know_the_methods_of_the_library():
    from psgvlm.explanations import METHODS

    assert set(stage.METHODS) == set(explain.METHODS) == set(METHODS)
