"""Small files beside a model: the number of neighbours, and a fingerprint of all files.

The number of neighbours has a file of its own, because it is no property of the images: they are
drawn alike for any number of neighbours, so it does not belong in the image spec.
"""

import hashlib
import json
from pathlib import Path

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.image_spec import FILE_NAME, ImageSpec
from psgvlm.models.calibration import FILE_NAME as CALIBRATION
from psgvlm.nights.neighbours import checked_count

NEIGHBOURS = "neighbours.json"


def model_fingerprint(name: str) -> str:
    """Return a hash of a model's files, which tells one model from another.

    The hash covers the weights, the image spec and the other JSON files beside them, but not the
    calibration, which changes no stage. It does not cover the base model of an adapter. `name` is a
    folder or a Hub id.
    """
    folder = Path(name) if Path(name).is_dir() else repo_files.find(name, FILE_NAME).parent
    total = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        relevant = path.suffix in (".safetensors", ".bin", ".json", ".jinja")
        if relevant and path.name != CALIBRATION and path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            total.update(f"{path.name} {digest}\n".encode())
    return total.hexdigest()[:16]


def check_same_images(adapter: str, spec: ImageSpec, corpus: str) -> None:
    """Raise InputError if a corpus is drawn differently from the images of an adapter's training.

    `spec` is the adapter's image spec.
    """
    if differences := spec.differences(repo_files.load_image_spec(corpus, "dataset")):
        raise InputError(
            f"{adapter} and {corpus} do not match: the adapter's images and the corpus' differ in "
            f"{differences}; expected a corpus drawn with the adapter's {FILE_NAME}"
        )


def save_neighbours(folder: str | Path, neighbours: int) -> Path:
    """Write `neighbours.json` beside an adapter."""
    text = json.dumps({"neighbours": checked_count(neighbours)}) + "\n"
    return files.write_text(Path(folder) / NEIGHBOURS, text)


def load_neighbours(name: str | Path) -> int:
    """Return how many neighbours on either side a model was trained with.

    `name` is a folder or a Hub id. Return 0 if it has no `neighbours.json`.
    """
    if (path := repo_files.find(name, NEIGHBOURS)) is None:
        return 0
    try:
        ((key, count),) = files.read_json(path).items()
        if key != "neighbours" or type(count) is not int:
            raise ValueError(key)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f'{path}: cannot be read; expected {{"neighbours": 1}}') from error
    return checked_count(count)
