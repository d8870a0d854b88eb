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
    front = ["pipeline_tag: image-text-to-text", "tags:", "- sleep", "- polysomnography"]
    lora = (adapter / "adapter_config.json").is_file()
    front = [f"library_name: {'peft' if lora else 'transformers'}", *front]
    # The name only: a folder of this machine means nothing to a reader.
    if base := training["base_model"]:
        front = [f"base_model: {base}", *front]
        made = f"An adapter of {base}" if lora else f"{base}, fine-tuned to a model"
    else:
        made = "A model trained from random weights"
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
