"""Files beside an adapter or in a corpus, in a folder or in a repository on the Hub."""

from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.image_spec import FILE_NAME, ImageSpec


def find(name: str | Path, file: str, kind: str = "model") -> Path | None:
    """Return the path of one file of a folder or a Hub repository; download it if need be.

    Parameters
    ----------
    name : str or Path
        A folder, or a Hub id.
    file : str
        The name of the file.
    kind : str
        "model" or "dataset".

    Returns
    -------
    Path or None
        `None` if the folder or repository has no such file.

    Raises
    ------
    InputError
        If `name` is neither a folder nor a repository of this kind on the Hub.
    """
    if Path(name).is_dir():
        path = Path(name) / file
        return path if path.is_file() else None
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RemoteEntryNotFoundError,
    )

    try:
        return Path(hf_hub_download(str(name), file, repo_type=kind))
    except RemoteEntryNotFoundError:
        return None
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{name}: neither a folder here nor a {kind} on the Hub ({reason})"
        ) from error


def load_image_spec(name: str | Path, kind: str) -> ImageSpec:
    """Load the `image_spec.json` of a corpus (`kind="dataset"`) or of a model (`kind="model"`).

    `name` is a folder, or a Hub id. Raise InputError if there is no such file.
    """
    path = find(name, FILE_NAME, kind)
    if path is None:
        command = {"dataset": "psgvlm build", "model": "psgvlm train"}[kind]
        raise InputError(
            f"{Path(name) / FILE_NAME}: no such file; expected the image spec that {command} "
            "writes, because it says how the images are drawn"
        )
    return ImageSpec.load(path)
