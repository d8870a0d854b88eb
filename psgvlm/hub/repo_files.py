"""A file that lies beside an adapter or in a corpus, in a folder here or on the Hub."""

from pathlib import Path

from psgvlm.errors import InputError


def find(name: str | Path, file: str, kind: str = "model") -> Path | None:
    """Where the file is to be read, `None` where there is none beside it.

    `kind` is "model" or "dataset". Raises `InputError` for what is neither a folder nor one of
    these on the Hub.
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
