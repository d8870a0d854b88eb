"""Vision-language models: load one, compute probabilities of the five stages, calibrate them.

Modules: `vlm` (load), `inference` (probabilities), `picture_cache`, `calibration`, `tiny` (a model
that needs no download), `adapter_files` (small files beside a model), `devices`.
"""

__all__ = [
    "adapter_files",
    "calibration",
    "devices",
    "inference",
    "picture_cache",
    "tiny",
    "vlm",
]
