"""Sleep staging from images: polysomnography drawn as pictures, read by a vision-language model.

>>> import psgvlm
>>> psgvlm.ImageSpec.parse("wide").size
(1008, 336)

`__all__` lists the stable interface. Every name is imported when it is first used, so that
`import psgvlm` loads neither torch nor numpy.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psgvlm.api import draw, explain, load_model, stage
    from psgvlm.errors import InputError
    from psgvlm.image_spec import ImageSpec
    from psgvlm.recordings.recording import Recording
    from psgvlm.staging import StagedNight, Stager

# GNU OpenMP reads this once, when torch is imported; without it its threads spin between the many
# small operations of a training step, and ten steps on two cores take 13-46 s instead of 1.5 s.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

__version__ = "0.1.0"

__all__ = [
    "ImageSpec",
    "InputError",
    "Recording",
    "StagedNight",
    "Stager",
    "__version__",
    "draw",
    "explain",
    "load_model",
    "stage",
]

_MODULES = {
    **dict.fromkeys(("draw", "explain", "load_model", "stage"), "psgvlm.api"),
    "ImageSpec": "psgvlm.image_spec",
    "InputError": "psgvlm.errors",
    "Recording": "psgvlm.recordings.recording",
    **dict.fromkeys(("StagedNight", "Stager"), "psgvlm.staging"),
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module 'psgvlm' has no attribute {name!r}")
    value = getattr(importlib.import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
