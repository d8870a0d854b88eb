"""Networks for signals, as braindecode has them, trained here from random weights on all lanes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType

from psgvlm.image_spec import EPOCH_S
from psgvlm.stages import STAGES

RATE_HZ = 100  # of every lane's signal; filtered to below 45 Hz by the change of rate
SAMPLES = round(EPOCH_S * RATE_HZ)


@dataclass(frozen=True)
class Architecture:
    """A network: how it is built for so many lanes, and how it is trained.

    It sees `sequence` epochs at once, in batches of `batch` such stretches.
    """

    name: str
    build: Callable[[int], object]
    sequence: int
    batch: int
    learning_rate: float


def _options(lanes: int) -> dict:
    return {"n_chans": lanes, "n_times": SAMPLES, "sfreq": RATE_HZ, "n_outputs": len(STAGES)}


def _chambon(lanes: int):
    return models().SleepStagerChambon2018(**_options(lanes))


def _usleep(lanes: int):
    return models().USleep(**_options(lanes))


def _cbramod(lanes: int):
    # Its patches are 200 samples; at 100 Hz that is 2 s, 15 of them an epoch and lane.
    return models().CBraMod(**_options(lanes), n_layer=4)


ARCHITECTURES = {
    each.name: each
    for each in (
        Architecture("chambon2018", _chambon, sequence=1, batch=64, learning_rate=1e-3),
        Architecture("usleep", _usleep, sequence=35, batch=4, learning_rate=1e-3),
        # An EEG foundation model's architecture without its weights, hence the name.
        Architecture("cbramod-from-scratch", _cbramod, sequence=1, batch=64, learning_rate=5e-4),
    )
}


def models() -> ModuleType:
    """`braindecode.models`, which imports torchaudio for networks that are not used here.

    The torchaudio of PyPI is built for CUDA: beside a torch without it, its compiled part cannot
    be loaded. Then it is imported as torchaudio itself runs where that part is not installed.
    """
    import warnings

    try:
        import torchaudio  # noqa: F401
    except (OSError, RuntimeError):
        without = ModuleType("torchaudio._extension")
        without._IS_TORCHAUDIO_EXT_AVAILABLE = without._IS_ALIGN_AVAILABLE = False
        without.fail_if_no_align = _unavailable
        sys.modules[without.__name__] = without
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # MNE's, of a montage's new name
        from braindecode import models
    return models


def _unavailable(function: Callable) -> Callable:
    def fail(*_, **__):
        raise RuntimeError(f"torchaudio.{function.__name__} needs torchaudio's compiled part")

    return fail
