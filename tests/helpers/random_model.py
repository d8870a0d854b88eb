"""A model with random weights in a folder, for tests that do not depend on its answers."""

from pathlib import Path

from psgvlm.image_spec import PRESETS
from psgvlm.models import adapter_files, tiny


def write_random_model(folder: Path, neighbours: int = 0) -> Path:
    """Write a tiny model for `square` images, as training would leave it; return the folder."""
    spec = PRESETS["square"]
    folder.mkdir(parents=True, exist_ok=True)
    for part in tiny.build_tiny(spec, seed=1):
        part.save_pretrained(folder)
    spec.save(folder)
    adapter_files.save_neighbours(folder, neighbours)
    return folder
