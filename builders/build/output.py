"""The folder that a build writes into: whether it may be written, before anything is drawn."""

from pathlib import Path

from psgvlm import image_spec
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec

STATE_FOLDER = ".build"  # hidden in a corpus; `state` says what it holds


def check(out: Path, spec: ImageSpec) -> None:
    """Raise `InputError` unless `out` is new, empty, or a corpus drawn with the same image spec."""
    try:
        names = [entry.name for entry in out.iterdir() if entry.name != STATE_FOLDER]
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(
            f"{out}: {error.strerror}; expected a folder to write into", parameter="out"
        ) from error
    if not names:
        return
    path = out / image_spec.FILE_NAME
    if not path.is_file():
        raise InputError(
            f"{out}: holds files but no {image_spec.FILE_NAME}; expected an empty folder or a "
            "corpus",
            parameter="out",
        )
    if differences := ImageSpec.load(path).differences(spec):
        raise InputError(
            f"{path}: this corpus was drawn with another image spec ({differences}); expected the "
            "same image spec, or another folder to write into",
            parameter="image",
        )
