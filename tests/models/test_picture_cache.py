"""Each image of a night is encoded once, and the probabilities are the same."""

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
    """A family's tiny model with one neighbour on either side and enlarged random weights."""
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
    """The epochs of a night with their neighbours; each epoch has image objects of its own."""
    rng = np.random.default_rng(0)
    shape = (EPOCHS, model.spec.height, model.spec.width, 3)
    pictures = [Image.fromarray(array) for array in rng.integers(0, 255, shape, np.uint8)]
    shown = neighbours.around(pictures, model.spec, model.neighbours)
    return [[image.copy() for image in images] for images in shown]


@pytest.fixture
def encoded(model, monkeypatch):
    """The number of images of each call of the vision tower."""
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
def test_an_image_is_encoded_once_and_the_probabilities_are_the_same(
    model, night, encoded, batch_size
):
    wanted = plain(model, night)
    assert not encoded  # without the cache the model encodes its images itself
    assert wanted.std() > 0.01
    classifier = inference.StageClassifier(model, batch_size)
    list(classifier.probabilities(night[:1]))  # computed with and without the cache
    encoded.clear()
    p = np.array(list(classifier.probabilities(night)))
    assert classifier.encodes_once
    assert np.allclose(p, wanted, rtol=0, atol=1e-4)
    # The blank image stands before the first and after the last epoch. It is encoded twice if the
    # cache has dropped it in between.
    assert sum(encoded) == EPOCHS + (1 if batch_size == 32 else 2)


def test_an_image_is_processed_once(model, night, monkeypatch):
    processor, made = model.processor.image_processor, []
    call = type(processor).__call__

    def counted(self, images, **options):
        made.append(len(images))
        return call(self, images, **options)

    monkeypatch.setattr(type(processor), "__call__", counted)
    classifier = inference.StageClassifier(model, 32)
    list(classifier.probabilities(night[:1]))  # computed with and without the cache
    made.clear()
    list(classifier.probabilities(night))
    # The night's images and the blank one; and one whole epoch, for the text around its images.
    assert sorted(made) == [1, EPOCHS + 1]


def test_images_that_depend_on_one_another_are_encoded_for_every_epoch(night, model, capsys):
    """As in an architecture that mixes all images of a batch without declaring it."""
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
        classifier = inference.StageClassifier(model, 1)
        p = np.array(list(classifier.probabilities(night)))
    assert not classifier.encodes_once
    assert "encoded again for every epoch (its images depend" in capsys.readouterr().out
    assert np.allclose(p, wanted, rtol=0, atol=1e-4)


def test_features_that_do_not_belong_to_one_image_each_are_not_reused(
    night, model, monkeypatch, capsys
):
    """As in an architecture that returns the tiles of an image one by one."""
    features = type(model.model).get_image_features

    def tiles(self, *args, **options):
        found = features(self, *args, **options)
        found.pooler_output = [part for each in found.pooler_output for part in each.chunk(2)]
        return found

    wanted = plain(model, night)
    monkeypatch.setattr(type(model.model), "get_image_features", tiles)
    classifier = inference.StageClassifier(model, 3)
    assert np.allclose(list(classifier.probabilities(night)), wanted, rtol=0, atol=1e-6)
    assert not classifier.encodes_once
    assert "encoded again for every epoch (ValueError: " in capsys.readouterr().out


def test_an_architecture_that_accepts_no_encoded_images_is_computed_without_the_cache(
    night, model, monkeypatch
):
    wanted = plain(model, night)
    monkeypatch.setattr(picture_cache, "is_supported", lambda _: False)
    classifier = inference.StageClassifier(model, 3)
    assert not classifier.encodes_once
    assert np.allclose(list(classifier.probabilities(night)), wanted, rtol=0, atol=1e-6)


### Memory


@pytest.fixture
def small_memory(model, monkeypatch):
    """A device that holds two rows at a time, and the sizes of the batches that were tried."""
    tried, forward = [], type(model.model).forward

    def limited(self, *args, **options):
        tried.append(len(options["input_ids"]))
        if tried[-1] > limited.rows:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(self, *args, **options)

    limited.rows = 2
    monkeypatch.setattr(type(model.model), "forward", limited)
    return limited, tried


def test_a_batch_too_large_for_the_memory_is_halved_and_so_are_later_ones(
    model, night, small_memory
):
    limited, tried = small_memory
    limited.rows = EPOCHS
    wanted = np.array(list(inference.probabilities(model, night)))
    limited.rows, classifier = 2, inference.StageClassifier(model, 6)
    tried.clear()
    for _ in range(2):
        assert np.allclose(list(classifier.probabilities(night)), wanted, rtol=0, atol=1e-4)
    assert classifier.batch_size == 1
    assert [rows for rows in tried if rows > 2] == [6, 3]


def test_one_epoch_that_needs_too_much_memory_is_refused(model, night, small_memory):
    small_memory[0].rows = 0
    with pytest.raises(InputError, match="out of memory on cpu with one epoch at a time; expected"):
        list(inference.probabilities(model, night))


def test_too_little_memory_for_the_vision_tower_is_not_taken_for_an_architecture_s_fault(
    model, night, monkeypatch
):
    """The first epoch fits without the cache, and its images alone do not fit."""

    def too_large(*_, **__):
        raise torch.OutOfMemoryError("CUDA out of memory")

    plain(model, night[:1])
    monkeypatch.setattr(picture_cache.PictureCache, "encode", too_large)
    with pytest.raises(InputError, match="out of memory on cpu"):
        list(inference.probabilities(model, night[:1]))


def test_other_errors_are_not_taken_for_a_lack_of_memory(model, night, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(type(model.model), "forward", broken)
    with pytest.raises(RuntimeError, match="shapes do not match"):
        list(inference.probabilities(model, night))
    assert devices.out_of_memory(RuntimeError("[enforce fail] can't allocate memory: you tried"))
    assert not devices.out_of_memory(RuntimeError("shapes do not match"))


### Reading ahead


def test_reading_ahead_yields_the_same_items_and_raises_their_error():
    def items():
        yield from range(3)
        raise ValueError("broken")

    found = []
    with pytest.raises(ValueError, match="broken"):
        for item in inference.read_ahead(items()):
            found.append(item)
    assert found == [0, 1, 2]
    assert list(inference.read_ahead([])) == []
