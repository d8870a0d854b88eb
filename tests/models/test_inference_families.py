"""Inference with the families of the recipes: one pass equals one pass for each answer."""

import numpy as np
import pytest
import tiny_vlms
import torch
from PIL import Image

from psgvlm.errors import InputError
from psgvlm.image_spec import PRESETS
from psgvlm.models import inference, vlm
from psgvlm.models.vlm import StagingModel

SPEC = PRESETS["paper"]
EPOCHS = 5


@pytest.fixture(scope="module", params=tiny_vlms.FAMILIES)
def family(request, tmp_path_factory):
    folder = tiny_vlms.save(request.param, tmp_path_factory.mktemp("base") / request.param)
    model, processor = vlm.load_base(str(folder))
    with torch.no_grad():  # random weights are small: make the answers differ
        for weight in model.parameters():
            if weight.ndim > 1:
                weight *= 4
    return model.eval(), processor


def epochs(context):
    """Some images are lower than others, so their rows are padded if the family allows it."""
    rng = np.random.default_rng(0)
    heights = [336, 224, 336, 336, 224]
    return [
        [
            Image.fromarray(rng.integers(0, 255, (height, SPEC.width, 3), np.uint8))
            for _ in range(2 * context + 1)
        ]
        for height in heights
    ]


def by_itself(model, shown):
    """Compute each answer's probability by a pass of its own over prompt and answer, unpadded."""
    answers = inference.answer_tokens(model.processor, SPEC.prompt)
    assert max(map(len, answers)) > 1  # else nothing would be shared
    scores = torch.zeros(len(shown), len(answers))
    for row, images in enumerate(shown):
        inputs = inference.inputs_of(model, [images])
        asked = inputs["input_ids"].shape[1]
        for column, answer in enumerate(answers):
            more = dict(inputs)
            tail = torch.tensor([answer])
            more["input_ids"] = torch.cat([inputs["input_ids"], tail], dim=1)
            more["attention_mask"] = torch.ones_like(more["input_ids"])
            if "mm_token_type_ids" in more:
                kinds = [inputs["mm_token_type_ids"], torch.zeros_like(tail)]
                more["mm_token_type_ids"] = torch.cat(kinds, dim=1)
            with torch.no_grad():
                following = model.model(**more).logits[0, asked - 1 : -1].log_softmax(dim=1)
            scores[row, column] = following[range(len(answer)), answer].sum()
    return scores.softmax(dim=1).numpy()


@pytest.mark.parametrize("context", [0, 1])
def test_the_probabilities_equal_those_of_one_pass_for_each_answer(family, context):
    model = StagingModel(*family, SPEC, context)
    shown = epochs(context)
    wanted = by_itself(model, shown)
    assert wanted.std() > 0.05
    for batch_size in (1, 8):
        p = np.array(list(inference.probabilities(model, shown, batch_size)))
        assert np.allclose(p, wanted, rtol=0, atol=1e-4)


def test_a_neighbour_changes_the_probabilities(family):
    """The same epoch gets other probabilities with other neighbours."""
    model = StagingModel(*family, SPEC, 1)
    one, other = epochs(1)[0], epochs(1)[2]
    changed = [[one[0], one[1], one[2]], [other[0], one[1], one[2]]]
    first, second = inference.probabilities(model, changed)
    assert np.abs(first - second).max() > 1e-3


def test_generation_after_a_shared_first_token_chooses_the_most_probable_answer(family):
    """Only after that token: greedy generation may start with N and continue with no answer."""
    model = StagingModel(*family, SPEC)
    shown = epochs(0)
    answers = inference.answer_tokens(model.processor, SPEC.prompt)
    inputs = inference.inputs_of(model, shown)
    start = inputs["input_ids"].shape[1]
    end = model.processor.tokenizer.eos_token_id
    p = np.array(list(inference.probabilities(model, shown)))
    for first in {answer[0] for answer in answers}:
        among = [index for index, answer in enumerate(answers) if answer[0] == first]

        def allowed(_, tokens, among=among):
            written = tuple(tokens[start:].tolist())
            going = [a for a in (answers[i] for i in among) if a[: len(written)] == written != a]
            after = {answer[len(written)] for answer in going}
            return sorted(after) or [end]

        tokens = model.model.generate(
            **inputs, max_new_tokens=2, do_sample=False, prefix_allowed_tokens_fn=allowed
        )
        for row, written in enumerate(tokens[:, start:].tolist()):
            best = max(among, key=lambda index, row=row: p[row, index])
            assert tuple(written[: len(answers[best])]) == answers[best]


def test_an_epoch_with_the_wrong_number_of_images_is_refused(family):
    model = StagingModel(*family, SPEC, 1)
    with pytest.raises(InputError, match="an epoch of 1 images; expected 3"):
        list(inference.probabilities(model, epochs(0)))
