"""A file that lies beside an adapter, in a folder here or on the Hub."""

from pathlib import Path

from psgvlm.errors import InputError


def find(name: str | Path, file: str) -> Path | None:
    """Where the file is to be read, `None` where the adapter has none.

    Raises `InputError` for what is neither a folder nor a model on the Hub.
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
        return Path(hf_hub_download(str(name), file))
    except RemoteEntryNotFoundError:
        return None
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"{name}: neither a folder here nor a model on the Hub ({reason})"
        ) from error
