"""Models written by others: only safetensors weights are loaded, no code and no pickles."""

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from psgvlm.errors import InputError

# Options for from_pretrained. Without the first, transformers would ask at the terminal whether to
# run the repository's code; without the second, it would load pickles if there is nothing else.
SAFE_LOADING = {"trust_remote_code": False, "use_safetensors": True}
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".msgpack", ".h5")


def refuse_pickles(name: str, files: Collection[str]) -> None:
    """Raise InputError if one of an adapter's files may run code when it is loaded."""
    if pickles := sorted(file for file in files if file.lower().endswith(PICKLES)):
        raise InputError(
            f"{name}: holds {pickles[0]}, which may run code when it is loaded; expected weights "
            "in .safetensors alone: delete the file, or save the model with save_pretrained"
        )


def check_files(name: str) -> None:
    """Refuse an adapter, in a folder or on the Hub, by the names of its files; read none of them.

    Checkpoints in folders below it hold pickles, but nothing loads those, so they are ignored.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError

    if Path(name).is_dir():
        files = [path.name for path in Path(name).iterdir()]
    else:
        try:
            files = HfApi().list_repo_files(name)
        except (HTTPError, OSError, ValueError):  # the Hub cannot be reached: only the cache counts
            files = _cached_files(name)
        if outside := [file for file in files if not _is_within(file)]:
            raise InputError(
                f"{name}: holds {outside[0]!r}; expected no path that leads out of the repository"
            )
    refuse_pickles(name, [file for file in files if "/" not in file])


def _cached_files(name: str) -> list[str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(name, local_files_only=True)
    except (HFValidationError, LocalEntryNotFoundError):
        return []
    return [path.name for path in Path(folder).iterdir()]


def _is_within(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in file
