"""Each picture of a night goes through the vision tower once, and the numbers are the same."""

import numpy as np
import pytest
import tiny_vlms
import torch
from PIL import Image

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.models import devices, inference, picture_cache
from psgvlm.models.tiny import build_tiny
from psgvlm.models.vlm import StagingModel
from psgvlm.nights import neighbours

EPOCHS = 7


def own_tiny():
    return build_tiny(PRESETS["square"], seed=3)


@pytest.fixture(scope="module", params=["own", *tiny_vlms.FAMILIES])
def model(request):
    """A family's tiny model with a neighbour on either side, its random weights made to matter."""
    torch.manual_seed(0)
    base, processor = own_tiny() if request.param == "own" else tiny_vlms.FAMILIES[request.param]()
    with torch.no_grad():
        for weight in base.parameters():
            if weight.ndim > 1:
                weight *= 3
    spec = PRESETS["square" if request.param == "own" else "paper"]
    return StagingModel(base.eval(), processor, spec, neighbours=1)


@pytest.fixture
def night(model):
    """A night's epochs among their neighbours, every picture decoded anew wherever it is shown."""
    rng = np.random.default_rng(0)
    shape = (EPOCHS, model.spec.height, model.spec.width, 3)
    pictures = [Image.fromarray(array) for array in rng.integers(0, 255, shape, np.uint8)]
    shown = neighbours.around(pictures, model.spec, model.neighbours)
    return [[image.copy() for image in images] for images in shown]


@pytest.fixture
def looked(model, monkeypatch):
    """How many pictures each call of the vision tower was given."""
    calls, features = [], type(model.model).get_image_features

    def counted(self, *args, **options):
        found = features(self, *args, **options)
        calls.append(len(found.pooler_output))
        return found

    monkeypatch.setattr(type(model.model), "get_image_features", counted)
    return calls


def plain(model, epochs):
    return np.array(list(inference.probabilities(model, epochs, 3, lockstep=True)))


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_a_picture_is_encoded_once_and_the_numbers_are_the_same(model, night, looked, batch_size):
    wanted = plain(model, night)
    assert not looked  # the plain way goes through the model as a whole
    assert wanted.std() > 0.01
    scorer = inference.StageClassifier(model, batch_size)
    list(scorer.probabilities(night[:1]))  # scored both ways
    looked.clear()
    p = np.array(list(scorer.probabilities(night)))
    assert scorer.once
    assert np.allclose(p, wanted, rtol=0, atol=1e-4)
    # Blank before the first and after the last epoch: one picture, seen anew where it was
    # forgotten meanwhile.
    assert sum(looked) == EPOCHS + (1 if batch_size == 32 else 2)


def test_so_is_the_picture_s_processing(model, night, monkeypatch):
    processor, made = model.processor.image_processor, []
    call = type(processor).__call__

    def counted(self, images, **options):
        made.append(len(images))
        return call(self, images, **options)

    monkeypatch.setattr(type(processor), "__call__", counted)
    scorer = inference.StageClassifier(model, 32)
    list(scorer.probabilities(night[:1]))  # scored both ways
    made.clear()
    list(scorer.probabilities(night))
    # The night's and a blank one; and an epoch as a whole, for the question around its pictures.
    assert sorted(made) == [1, EPOCHS + 1]


def test_pictures_that_depend_on_one_another_are_encoded_every_time(night, model, capsys):
    """An architecture that looks at all of a batch's pictures together, and says nothing of it."""
    features = type(model.model.model).get_image_features

    def together(self, *args, **options):
        found = features(self, *args, **options)
        mean = torch.cat([each.reshape(-1, each.shape[-1]) for each in found.pooler_output]).mean(0)
        found.pooler_output = [each - 5 * mean for each in found.pooler_output]
        return found

    base = type(model.model.model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(base, "get_image_features", together)
        wanted = np.concatenate([plain(model, night[at : at + 1]) for at in range(EPOCHS)])
        scorer = inference.StageClassifier(model, 1)
        p = np.array(list(scorer.probabilities(night)))
    assert not scorer.once
    assert "encoded anew for every epoch (its pictures depend" in capsys.readouterr().out
    assert np.allclose(p, wanted, rtol=0, atol=1e-4)


def test_features_that_are_not_a_picture_s_each_are_not_reused(night, model, monkeypatch, capsys):
    """As of an architecture that gives a picture's tiles one by one."""
    features = type(model.model).get_image_features

    def tiles(self, *args, **options):
        found = features(self, *args, **options)
        found.pooler_output = [part for each in found.pooler_output for part in each.chunk(2)]
        return found

    wanted = plain(model, night)
    monkeypatch.setattr(type(model.model), "get_image_features", tiles)
    scorer = inference.StageClassifier(model, 3)
    assert np.allclose(list(scorer.probabilities(night)), wanted, rtol=0, atol=1e-6)
    assert not scorer.once
    assert "encoded anew for every epoch (ValueError: " in capsys.readouterr().out


def test_an_architecture_that_takes_no_features_is_scored_the_plain_way(night, model, monkeypatch):
    wanted = plain(model, night)
    monkeypatch.setattr(picture_cache, "allowed", lambda _: False)
    scorer = inference.StageClassifier(model, 3)
    assert not scorer.once
    assert np.allclose(list(scorer.probabilities(night)), wanted, rtol=0, atol=1e-6)


### Memory


@pytest.fixture
def small_memory(model, monkeypatch):
    """A device that holds two rows at a time; the sizes of the batches that were tried."""
    tried, forward = [], type(model.model).forward

    def limited(self, *args, **options):
        tried.append(len(options["input_ids"]))
        if tried[-1] > limited.rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, *args, **options)

    limited.rows = 2
    monkeypatch.setattr(type(model.model), "forward", limited)
    return limited, tried


def test_a_batch_too_large_is_halved_and_so_are_those_after_it(model, night, small_memory):
    limited, tried = small_memory
    limited.rows = EPOCHS
    wanted = np.array(list(inference.probabilities(model, night)))
    limited.rows, scorer = 2, inference.StageClassifier(model, 6)
    tried.clear()
    for _ in range(2):
        assert np.allclose(list(scorer.probabilities(night)), wanted, rtol=0, atol=1e-4)
    assert scorer.batch_size == 1
    assert [rows for rows in tried if rows > 2] == [6, 3]


def test_one_epoch_too_large_is_said(model, night, small_memory):
    small_memory[0].rows = 0
    with pytest.raises(InputError, match="out of memory on cpu with one epoch at a time; expected"):
        list(inference.probabilities(model, night))


def test_other_errors_are_not_taken_for_it(model, night, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(type(model.model), "forward", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(inference.probabilities(model, night))
    assert devices.out_of_memory(RuntimeError("[enforce fail] can't allocate memory: you tried"))
    assert not devices.out_of_memory(RuntimeError("shapes do not match"))


### Meanwhile


def test_items_made_ahead_are_the_items_and_their_error():
    def items():
        yield from range(3)
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        for item in inference.ahead(items()):
            found.append(item)
    assert found == [0, 1, 2]
    assert list(inference.ahead([])) == []
