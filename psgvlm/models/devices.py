"""The device that a model runs on: its name, its memory, and the processes that share the work."""

import os
import platform
import resource
import sys
from datetime import timedelta


def name(device) -> str:
    """Return the name of a torch device: a GPU's own name, or the CPU's kind and its threads."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type.upper()}, {os.cpu_count()} threads"


def peak_memory_gib() -> float:
    """Return the largest memory used until now: of the GPU if there is one, else of the process."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    unit = 1 if sys.platform == "darwin" else 1024  # macOS counts bytes, Linux KiB
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def processes(device: str | None):
    """Return accelerate's `PartialState`: this process among those that were launched together.

    The processes wait for one another for up to a day, because a night can take long. A process
    that fails ends all of them.
    """
    import torch
    from accelerate import PartialState

    cpu = device == "cpu" or not torch.cuda.is_available()
    return PartialState(cpu=cpu, timeout=timedelta(days=1))


def out_of_memory(error: BaseException) -> bool:
    """Return whether an error means that the device or the machine has too little memory."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def release_memory() -> None:
    """Release cached GPU memory that no tensor uses."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
