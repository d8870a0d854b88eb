"""Braindecode's networks for signals, trained here from random weights on all lanes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

from psgvlm.errors import InputError
from psgvlm.stages import EPOCH_S, STAGES

RATE_HZ = 100  # of every lane's signal
SAMPLES = round(EPOCH_S * RATE_HZ)


@dataclass(frozen=True)
class Architecture:
    """A network: how to build it and how to train it.

    Attributes
    ----------
    name : str
        The baseline's name.
    build : callable
        Takes the number of lanes and returns a torch module.
    sequence : int
        How many consecutive epochs the network sees at once.
    batch : int
        How many such sequences make a batch.
    learning_rate : float
        The learning rate of AdamW.
    """

    name: str
    build: Callable[[int], object]
    sequence: int
    batch: int
    learning_rate: float


def _options(lanes: int) -> dict:
    return {"n_chans": lanes, "n_times": SAMPLES, "sfreq": RATE_HZ, "n_outputs": len(STAGES)}


def _chambon(lanes: int):
    return braindecode_models().SleepStagerChambon2018(**_options(lanes))


def _usleep(lanes: int):
    return braindecode_models().USleep(**_options(lanes))


def _cbramod(lanes: int):
    # Its patches are 200 samples long: 2 s at 100 Hz, so 15 patches per epoch and lane.
    return braindecode_models().CBraMod(**_options(lanes), n_layer=4)


ARCHITECTURES = {
    each.name: each
    for each in (
        Architecture("chambon2018", _chambon, sequence=1, batch=64, learning_rate=1e-3),
        Architecture("usleep", _usleep, sequence=35, batch=4, learning_rate=1e-3),
        # CBraMod is an EEG foundation model. Only its architecture is used here, not its weights.
        Architecture("cbramod-from-scratch", _cbramod, sequence=1, batch=64, learning_rate=5e-4),
    )
}


def braindecode_models() -> ModuleType:
    """Import `braindecode.models`, even if torchaudio is not installed.

    Braindecode imports torchaudio, but no network here uses it. PyPI's torchaudio is built for
    CUDA: next to a torch without CUDA it fails to load and breaks the import of transformers. It is
    therefore not among the dependencies, and a placeholder takes its place during the import.
    """
    import warnings

    absent = find_spec("torchaudio") is None
    if absent and "braindecode.models" not in sys.modules:
        names = ("torchaudio", "torchaudio.functional", "torchaudio.transforms")
        sys.modules |= {name: _Placeholder(name) for name in names}
        vars(sys.modules["torchaudio"])["transforms"] = sys.modules["torchaudio.transforms"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # MNE renamed a montage
            from braindecode import models
    except ModuleNotFoundError as error:
        raise InputError(
            f"signal networks need {error.name}, which is not installed; install it with "
            "pip install 'psgvlm[baselines]'; pip install --no-deps braindecode"
        ) from error
    finally:
        if absent:
            for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
                del sys.modules[name]
    return models


class _Placeholder(ModuleType):
    """Takes the place of a module during an import; calling anything in it raises."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)

        def fail(*_, **__):
            raise RuntimeError(
                f"{self.__name__}.{name} was called, but torchaudio is not installed"
            )

        return type(name, (), {"__new__": fail})  # braindecode derives classes from some of these
