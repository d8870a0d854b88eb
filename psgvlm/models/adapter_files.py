"""The files beside a model that psgvlm needs: its image spec, its number of neighbours.

How many neighbours an adapter was trained with is no property of its images, which are drawn alike
with any number of them. So it is not in the image spec but in a file of its own.
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
    """What tells one model from another: a hash of its files, in a folder or as the Hub gave them.

    Weights, how its images are drawn, and whatever else lies beside them in JSON but the
    temperature, which changes no answer. A base model that an adapter names is not looked into.
    """
    folder = Path(name) if Path(name).is_dir() else repo_files.find(name, FILE_NAME).parent
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        kind = path.suffix in (".safetensors", ".bin", ".json", ".jinja")
        if kind and path.name != CALIBRATION and path.is_file():
            with path.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            digest.update(f"{path.name} {found}\n".encode())
    return digest.hexdigest()[:16]


def check_same_images(adapter: str, spec: ImageSpec, corpus: str) -> None:
    """Refuse a corpus whose images are drawn otherwise than those the adapter was trained on."""
    if differences := spec.differences(repo_files.load_image_spec(corpus, "dataset")):
        raise InputError(
            f"{adapter} and {corpus} do not match: the adapter's images and the corpus' differ in "
            f"{differences}; expected a corpus drawn with the adapter's {FILE_NAME}"
        )


def save_neighbours(folder: str | Path, neighbours: int) -> Path:
    """Write `neighbours.json` beside an adapter."""
    path = Path(folder) / NEIGHBOURS
    path.write_text(json.dumps({"neighbours": checked_count(neighbours)}) + "\n", "utf-8")
    return path


def load_neighbours(name: str | Path) -> int:
    """The neighbours on either side that an adapter, a folder or a Hub id, was trained with.

    0 where it has no `neighbours.json`.
    """
    if (path := repo_files.find(name, NEIGHBOURS)) is None:
        return 0
    try:
        (found,) = files.read_json(path).items()
        if found[0] != "neighbours" or type(found[1]) is not int:
            raise ValueError(found)
    except (OSError, ValueError, AttributeError) as error:
        raise InputError(f'{path}: cannot be read; expected {{"neighbours": 1}}') from error
    return checked_count(found[1])
