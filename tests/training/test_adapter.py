"""An adapter that training has written: every usual way to load it gives the same model."""

import json

import numpy as np
import pytest
import tiny_vlms
from training_runs import LORA, train

from psgvlm import chat
from psgvlm.corpus import loading
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.models import inference, vlm
from psgvlm.models.vlm import StagingModel


@pytest.fixture(scope="module", params=["idefics3", "llava_next", "qwen2_5_vl"])
def trained(request, corpus, tmp_path_factory):
    """A base model in a folder, and an adapter of all its parts."""
    folder = tmp_path_factory.mktemp(request.param)
    base = tiny_vlms.save(request.param, folder / "base")
    options = LORA | {"tune": "all", "merge": True, "max_steps": 6}
    train(corpus, folder / "adapter", model_name_or_path=base, **options)
    return base, folder / "adapter"


@pytest.fixture(scope="module")
def epochs(corpus):
    return loading.load_split(str(corpus), "test", "mass").select(range(6))


def probabilities(model, folder, epochs):
    from transformers import AutoProcessor

    processor = AutoProcessor.from_pretrained(folder)
    model = StagingModel(model.eval(), processor, ImageSpec.load(folder / FILE_NAME))
    return np.array(list(inference.probabilities(model, [row["images"] for row in epochs])))


def test_all_ways_to_load_an_adapter_give_the_same_answers(trained, epochs):
    from peft import PeftModel
    from transformers import AutoModelForImageTextToText as Auto
    from transformers import pipeline

    base, adapter = trained
    automatic = Auto.from_pretrained(adapter)
    p = probabilities(automatic, adapter, epochs)
    by_peft = PeftModel.from_pretrained(Auto.from_pretrained(base), adapter)
    assert np.allclose(probabilities(by_peft, adapter, epochs), p, atol=1e-6)
    ours = vlm.load(str(adapter), "cpu")
    assert np.allclose(probabilities(ours.model, adapter, epochs), p, atol=1e-6)
    merged = Auto.from_pretrained(adapter / "merged")
    assert type(merged) is type(Auto.from_pretrained(base))
    assert np.allclose(probabilities(merged, adapter / "merged", epochs), p, atol=1e-4)
    untrained = probabilities(Auto.from_pretrained(base), adapter, epochs)
    assert np.abs(untrained - p).max() > 1e-3  # the adapter says something

    by_pipeline = pipeline("image-text-to-text", model=str(adapter), device="cpu")
    images = [row["images"] for row in epochs]
    inputs = inference.inputs_of(ours, images)
    tokens = ours.model.generate(**inputs, max_new_tokens=8, do_sample=False)
    answers = tokens[:, inputs["input_ids"].shape[1] :]
    written = ours.processor.batch_decode(answers, skip_special_tokens=True)
    for (image,), text in zip(images, written, strict=True):
        parts = chat.prompt(ours.spec.prompt)[0]["content"]
        parts = [part | {"image": image} if part["type"] == "image" else part for part in parts]
        turns = [{"role": "user", "content": parts}]
        options = {"max_new_tokens": 8, "do_sample": False}
        (said,) = by_pipeline(text=turns, return_full_text=False, generate_kwargs=options)
        assert said["generated_text"] == text


def test_the_files_beside_an_adapter(trained, corpus):
    _, adapter = trained
    for folder in (adapter, adapter / "merged"):
        assert ImageSpec.load(folder / FILE_NAME) == ImageSpec.load(corpus / FILE_NAME)
        assert (folder / "neighbours.json").read_bytes() == (
            adapter / "neighbours.json"
        ).read_bytes()
        card = (folder / "README.md").read_text()
        assert "base_model: base" in card
        assert "pipeline_tag: image-text-to-text" in card
        assert str(adapter.parent) not in card
    assert "library_name: peft" in (adapter / "README.md").read_text()
    assert "library_name: transformers" in (adapter / "merged" / "README.md").read_text()
    weights = [path.name for path in adapter.rglob("*") if path.suffix in (".bin", ".pt", ".pth")]
    assert weights == []
    options = json.loads((adapter / "adapter_config.json").read_text())
    assert r"\." in options["target_modules"]
