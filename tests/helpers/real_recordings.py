"""Real recordings, which lie beside the repository and not in it."""

import os
from pathlib import Path

import pytest
from commands import ROOT

FOLDER = ROOT.parent / "shared" / "real"


def real_recording(name: str) -> Path:
    """Return the path of a real recording.

    Without the file the test is skipped, but with the environment variable CI=true it fails.
    """
    path = FOLDER / name
    if not path.exists():
        message = f"{path}: no such file; expected the real recordings beside the repository"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(message)
    return path
