"""Networks for signals, as braindecode has them, trained here from random weights on all lanes."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from types import ModuleType

from psgvlm.errors import InputError
from psgvlm.stages import EPOCH_S, STAGES

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
    """`braindecode.models`, with or without torchaudio, which no network here uses.

    The torchaudio of PyPI is built for CUDA. Beside a torch without CUDA it cannot be loaded, nor
    transformers with it, so it is not among the dependencies, although braindecode imports it.
    """
    import warnings

    absent = find_spec("torchaudio") is None
    if absent and "braindecode.models" not in sys.modules:
        names = ("torchaudio", "torchaudio.functional", "torchaudio.transforms")
        sys.modules |= {name: _Absent(name) for name in names}
        vars(sys.modules["torchaudio"])["transforms"] = sys.modules["torchaudio.transforms"]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # MNE's, of a montage's new name
            from braindecode import models
    except ModuleNotFoundError as error:
        raise InputError(
            f"signal networks need {error.name}, which is not installed; expected the extra "
            "[baselines] and, without the torchaudio it asks for, braindecode: "
            "pip install 'psgvlm[baselines]'; pip install --no-deps braindecode"
        ) from error
    finally:
        if absent:
            for name in [name for name in sys.modules if name.split(".")[0] == "torchaudio"]:
                del sys.modules[name]
    return models


class _Absent(ModuleType):
    """Stands for a module while what imports it is imported; to call anything of it fails."""

    def __getattr__(self, name: str):
        if name.startswith("__"):
            raise AttributeError(name)

        def fail(*_, **__):
            raise RuntimeError(f"{self.__name__}.{name} is called, and torchaudio not installed")

        return type(name, (), {"__new__": fail})  # a class, since classes are derived from some
