"""The stable interface: what `import psgvlm` gives, and that paths and Raw objects are the same."""

import json
import pkgutil
from dataclasses import replace

import mne
import numpy as np
import pytest
from commands import python
from PIL import Image
from random_model import write_random_model
from recordings import montage, write_edf

import psgvlm
from psgvlm.image_spec import PRESETS
from psgvlm.nights import neighbours
from psgvlm.stages import STAGES

LABELS = ("C4-M1", "E1-M2", "E2-M1", "chin")
HEAVY = {"torch", "transformers", "numpy", "scipy", "mne", "datasets", "matplotlib", "pandas"}


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """Two and a half minutes of noise: five epochs."""
    return write_edf(tmp_path_factory.mktemp("night") / "night.edf", montage(LABELS, 150))


@pytest.fixture(scope="module")
def raw(path):
    return mne.io.read_raw_edf(path, verbose="ERROR")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A tiny model with random weights that is shown one neighbour on either side."""
    return write_random_model(tmp_path_factory.mktemp("model"), neighbours=1)


@pytest.fixture(scope="module")
def model(folder):
    return psgvlm.load_model(folder, "cpu")


def pixels(images):
    return [np.asarray(image) for image in images]


def same(images, others):
    return np.array_equal(pixels(images), pixels(others))


### import psgvlm


def test_importing_psgvlm_imports_nothing_heavy():
    code = "import json, sys, psgvlm; print(json.dumps([*sys.modules]))"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert not HEAVY & set(json.loads(done.stdout))


def test_every_public_name_is_there_and_documented():
    assert set(psgvlm.__all__) == {
        *("stage", "Stager", "StagedNight", "Recording", "ImageSpec", "draw", "explain"),
        *("load_model", "InputError", "__version__"),
    }
    assert set(psgvlm.__all__) <= set(dir(psgvlm))
    for name in psgvlm.__all__:
        value = getattr(psgvlm, name)
        assert name == "__version__" or value.__doc__
    with pytest.raises(AttributeError, match="no attribute 'stages_of'"):
        psgvlm.stages_of  # noqa: B018


def test_an_input_error_is_a_value_error():
    with pytest.raises(ValueError, match=r"night\.edf: no such file"):
        psgvlm.Recording("night.edf")
    assert issubclass(psgvlm.InputError, ValueError)


### stage


def test_a_path_a_text_a_raw_and_a_stager_give_the_same_night(path, raw, folder):
    staged = psgvlm.stage(path, model=folder, device="cpu")
    assert staged.probabilities.shape == (5, len(STAGES))
    assert staged.probabilities.sum(axis=1) == pytest.approx(1)
    assert staged.onsets_s.tolist() == [0, 30, 60, 90, 120]
    assert set(staged.stages) <= set(STAGES)
    stager = psgvlm.Stager(str(folder), "cpu")
    for other in (
        psgvlm.stage(str(path), model=str(folder), device="cpu"),
        psgvlm.stage(path, model=stager),
        psgvlm.stage(raw, model=stager),
    ):
        # MNE reads into float64, psgvlm into float32: a pixel's shade may differ by one.
        assert other.probabilities == pytest.approx(staged.probabilities, abs=1e-3)
        assert other.name == staged.name == "night.edf"


def test_a_raw_in_memory_is_staged_with_its_gaps(raw, folder):
    loaded = mne.io.RawArray(raw.get_data(), raw.info, verbose="ERROR")
    loaded.set_annotations(mne.Annotations([70], [15], ["BAD_ACQ_SKIP"]))
    staged = psgvlm.stage(loaded, model=folder, device="cpu")
    assert staged.onsets_s.tolist() == [0, 30, 90, 120]
    assert any("1 gap" in note for note in staged.notes)


def test_without_a_model_the_error_says_what_to_give(path):
    with pytest.raises(psgvlm.InputError, match=r"psgvlm train.*Hub") as caught:
        psgvlm.stage(path)
    assert caught.value.parameter == "model"


def test_a_progress_bar_only_where_it_is_asked_for(path, folder, capsys):
    stager = psgvlm.Stager(str(folder), "cpu")
    _ = stager.model
    capsys.readouterr()
    psgvlm.stage(path, model=stager)
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""
    psgvlm.stage(path, model=stager, progress=True)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "5/5" in captured.err and "night.edf" in captured.err


### draw


def test_images_of_a_night_are_drawn_when_they_are_used(path, raw):
    images = psgvlm.draw(path, image="compact")
    assert len(images) == 5
    assert images[2].size == PRESETS["compact"].size
    assert images[2].mode == "RGB"
    assert same(images, images.night.pictures())
    assert same([images[-1]], [images[4]])
    assert same(images[1:4:2], [images[1], images[3]])
    assert len(images[1:4:2]) == 2
    assert same(reversed(images), list(images)[::-1])
    assert same(images[::-1], list(images)[::-1])
    with pytest.raises(IndexError):
        images[5]
    assert same(psgvlm.draw(raw, image=PRESETS["compact"])[:2], images[:2])
    assert "5 epochs of night.edf" in repr(images)


def test_changed_presets_and_unusual_labels_are_drawn(path):
    thick = psgvlm.draw(path, "square,line_px=4")
    assert same(thick, psgvlm.draw(path, replace(PRESETS["square"], line_px=4.0)))
    assert not same(thick[:1], psgvlm.draw(path, "square")[:1])
    other = psgvlm.draw(path, "square", map="C4-M1=E1-M2")
    assert other.night.sources["C4-M1"] == "E1-M2"


def test_items_stay_in_step_with_the_clock_across_a_gap(raw):
    """Five epochs, of which a gap of 40 s covers one and a part of another."""
    loaded = raw.copy().set_annotations(mne.Annotations([65], [40], ["BAD_ACQ_SKIP"]))
    images = psgvlm.draw(loaded, "square")
    assert len(images) == 5
    assert images.recorded == [0, 1, 4]
    empty = neighbours.blank(PRESETS["square"])
    assert same([images[2], images[3]], [empty, empty])
    assert not same([images[4]], [empty])
    assert same(images, [images[i] for i in range(5)])
    assert images[3:].recorded == [1]
    assert "2 of them in gaps" in repr(images)


### explain


def test_an_epoch_is_explained_from_its_night_or_its_images(path, raw, model, folder):
    by_path = psgvlm.explain(path, 2, model=model, method="gradient")
    assert by_path.stage in STAGES
    assert by_path.heat.shape == (336, 336)
    images = list(psgvlm.draw(path, model.spec))[:3]  # the second epoch and its neighbours
    by_images = psgvlm.explain(images, model=model, method="gradient")
    assert by_images.sentence == by_path.sentence
    assert np.array_equal(by_images.heat, by_path.heat)
    assert same([by_path.image], [images[1]])
    by_raw = psgvlm.explain(raw, epoch=2, model=folder, device="cpu", method="gradient")
    assert by_raw.probabilities == pytest.approx(by_path.probabilities, abs=1e-3)
    stager = psgvlm.Stager(str(folder), "cpu")
    by_night = psgvlm.explain(stager.open(path), 2, model=stager, stage="N3")
    assert by_night.stage == "N3"
    assert by_night.method == "ablation"


def test_an_explanation_shows_itself_in_a_notebook(path, model, tmp_path):
    explanation = psgvlm.explain(path, 2, model=model, method="gradient")
    assert explanation.sentence in repr(explanation)
    explanation.save(tmp_path / "why.png")
    assert explanation._repr_png_() == (tmp_path / "why.png").read_bytes()
    assert Image.open(tmp_path / "why.png").format == "PNG"
    bare = replace(explanation, image=None)
    assert bare._repr_png_() is None
    with pytest.raises(psgvlm.InputError, match="no image"):
        bare.save(tmp_path / "no.png")


def test_one_image_is_enough_for_a_model_without_neighbours(path, folder, model):
    alone = replace(model, neighbours=0)
    image = psgvlm.draw(path, alone.spec)[0]
    assert isinstance(image, Image.Image)
    by_image = psgvlm.explain(image, model=alone, method="gradient")
    by_path = psgvlm.explain(path, 1, model=alone, method="gradient")
    assert by_image.sentence == by_path.sentence


@pytest.mark.parametrize("epoch", [None, 0, 6])
def test_an_epoch_that_is_not_in_the_night_is_refused(epoch, path, model):
    with pytest.raises(psgvlm.InputError, match=rf"night\.edf: epoch {epoch}; .*from 1 to 5"):
        psgvlm.explain(path, epoch, model=model)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(psgvlm.InputError, match="image_spec"):
        psgvlm.load_model(tmp_path)


def test_no_submodule_has_the_name_of_a_public_function():
    """It would replace the function when it is imported."""
    modules = {module.name for module in pkgutil.iter_modules(psgvlm.__path__)}
    assert not modules & set(psgvlm.__all__)


### Substitutes


def test_strict_refuses_a_substitute_that_is_otherwise_named(tmp_path, folder):
    path = write_edf(tmp_path / "night.edf", montage(["EEG Fpz-Cz", "E1-M2"], 90))
    images = psgvlm.draw(path, image="compact")
    assert any("Fpz-Cz" in note and "substitute" in note for note in images.night.notes)
    assert any("Fpz-Cz" in note for note in psgvlm.stage(path, folder).notes)
    for use in (
        lambda: psgvlm.draw(path, image="compact", strict=True),
        lambda: psgvlm.stage(path, folder, strict=True),
    ):
        with pytest.raises(psgvlm.InputError, match="Fpz-Cz"):
            use()
