"""The adapter's README.md: what it is, how it was trained, and only figures that were measured."""

import json
from pathlib import Path
from string import Template

from psgvlm.image_spec import FILE_NAME, ImageSpec

TEMPLATE = Path(__file__).with_name("template.md")


def write(adapter: str | Path) -> Path:
    """Write README.md from `training.json`, `image_spec.json` and the adapter's own configuration.

    PEFT and TRL write one that takes the model for a text generator and names a local path as its
    base; this one replaces it.
    """
    adapter = Path(adapter)
    spec = ImageSpec.load(adapter / FILE_NAME)
    training = json.loads((adapter / "training.json").read_text("utf-8"))
    lora = adapter / "adapter_config.json"
    front = ["pipeline_tag: image-text-to-text", "tags:", "- sleep", "- polysomnography"]
    if lora.is_file():
        base = json.loads(lora.read_text("utf-8"))["base_model_name_or_path"]
        # A folder of this machine means nothing to a reader and may tell who trained it.
        base = Path(base).name if Path(base).exists() else base
        front = [f"base_model: {base}", "library_name: peft", *front]
        made = f"An adapter of {base}"
    else:
        front = ["library_name: transformers", *front]
        made = "A model trained from random weights" if training["from_scratch"] else "A model"
    text = Template(TEMPLATE.read_text("utf-8")).substitute(
        front="\n".join(front),
        made=made,
        dataset=training["dataset"],
        steps=training["steps"],
        seconds=round(training["train_seconds"]),
        trainable=f"{training['trainable_parameters']:,}",
        parameters=f"{training['parameters']:,}",
        spec=spec.name,
        width=spec.width,
        height=spec.height,
        lanes=", ".join(spec.lanes),
        prompt=spec.prompt,
    )
    path = adapter / "README.md"
    path.write_text(text, "utf-8")
    return path
