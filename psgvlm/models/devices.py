"""What a model ran on, for the record: the device's name, the memory that was needed."""

import os
import platform
import resource
import sys
from datetime import timedelta


def name(device) -> str:
    """A torch device in words: a GPU's own name, else the processor's kind and its cores."""
    import torch

    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()} {device.type.upper()}, {os.cpu_count()} threads"


def peak_memory_gib() -> float:
    """Of the GPU, or of the whole process where there is none but the CPU; until now."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30


def processes(device: str | None):
    """This process among those launched together: accelerate's `PartialState`, `device` of each.

    They wait for one another as long as a slow night may take; who fails ends them all.
    """
    import torch
    from accelerate import PartialState

    cpu = device == "cpu" or not torch.cuda.is_available()
    return PartialState(cpu=cpu, timeout=timedelta(days=1))


def out_of_memory(error: BaseException) -> bool:
    """Whether the device, or the machine, had too little memory for it."""
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)


def release_memory() -> None:
    """Give a GPU's memory that nothing is in back to it."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
