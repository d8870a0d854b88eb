"""What others have written, an adapter above all: what is read of it, and what is not.

Weights in safetensors alone, no code, JSON of a size that it can have.
"""

from collections.abc import Collection
from pathlib import Path, PurePosixPath

from psgvlm.errors import InputError

# Run by nobody; transformers would ask at the terminal, and take `.bin` where there is no other.
SAFE = {"trust_remote_code": False, "use_safetensors": True}
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".joblib", ".msgpack", ".h5")


def refuse_pickles(name: str, files: Collection[str]) -> None:
    """`InputError` for files that run code when they are read, among those of an adapter."""
    if odd := sorted(file for file in files if file.lower().endswith(PICKLES)):
        raise InputError(
            f"{name}: holds {odd[0]}, which may run code when it is read; expected weights in "
            ".safetensors alone: take it away, or save the model as train_sft.py does"
        )


def check_files(name: str) -> None:
    """Refuse an adapter, in a folder or on the Hub, for what lies in it; nothing is read.

    Checkpoints below it, whose states are pickles, are not looked into: nobody loads them.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HTTPError

    if Path(name).is_dir():
        files = [path.name for path in Path(name).iterdir()]
    else:
        try:
            files = HfApi().list_repo_files(name)
        except (HTTPError, OSError, ValueError):  # then no more is loaded than was downloaded once
            files = _downloaded(name)
        if odd := [file for file in files if not _within(file)]:
            raise InputError(f"{name}: holds {odd[0]!r}; expected no path that leads out of it")
    refuse_pickles(name, [file for file in files if "/" not in file])


def _downloaded(name: str) -> list[str]:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(name, local_files_only=True)
    except (HFValidationError, LocalEntryNotFoundError):
        return []
    return [path.name for path in Path(folder).iterdir()]


def _within(file: str) -> bool:
    path = PurePosixPath(file)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in file
