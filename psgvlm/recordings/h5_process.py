"""A process that reads HDF5 files for this one, because a damaged file can crash libhdf5.

libhdf5 believes what a file says about itself, and some damage ends its process or never ends. So
it runs beside this process: if it dies or takes too long, the file is refused and nothing is lost.
The two speak in lines of JSON; an array follows its line as bytes.
"""

import atexit
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO

import numpy as np

from psgvlm.errors import InputError

TIMEOUT_S = 300
MAX_BYTES = 4 << 30  # of address space; damage can ask for any amount of memory

_COMMAND = "from psgvlm.recordings.h5_process import serve; serve()"
_lock = threading.Lock()
_process: subprocess.Popen | None = None


def call(path: Path, function: str, *arguments):
    """Call a function of `psgvlm.recordings.h5_layout` on an HDF5 file.

    Parameters
    ----------
    path : Path
    function : str
        Its name. Its first argument is the opened file.
    *arguments
        Its other arguments, texts and numbers.

    Returns
    -------
    object
        What the function returns.

    Raises
    ------
    InputError
        If the file is damaged, or if the function raises it.
    """
    with _lock:
        process = _running()
        timer = threading.Timer(TIMEOUT_S, process.kill)
        timer.start()
        try:
            _send(process.stdin, [str(path.absolute()), function, *arguments])
            answer, array = _receive(process.stdout)
        except (OSError, ValueError):
            stop()
            answer, array = {"fault": "libhdf5 cannot read it"}, None
        except BaseException:  # Ctrl-C, say: an answer to this call may still come
            stop()
            raise
        finally:
            timer.cancel()
    if "refused" in answer:
        raise InputError(f"{path}: {answer['refused']}")
    if "fault" in answer:
        raise InputError(
            f"{path}: a damaged HDF5 file ({answer['fault']}); expected an intact one: download "
            "it again"
        )
    return answer["value"] if array is None else array


def serve() -> None:
    """Answer the calls of another process until it closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the other process decides what Ctrl-C ends
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    calls, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        line = calls.readline()
        if not line:
            return
        answer, array = _answer(*json.loads(line))
        _send(answers, answer, array)


def stop() -> None:
    """End the process; a later call starts another."""
    global _process
    if _process is not None:
        _process.kill()
        _process.wait()
        for pipe in (_process.stdin, _process.stdout):
            with contextlib.suppress(OSError):
                pipe.close()
        _process = None


def _answer(path: str, function: str, *arguments) -> tuple[dict, np.ndarray | None]:
    import h5py

    from psgvlm.recordings import h5_layout

    try:
        # Files on a shared disk often cannot be locked, and reading needs no lock.
        with h5py.File(path, "r", locking=False) as file:
            value = getattr(h5_layout, function)(file, *arguments)
    except InputError as error:
        return {"refused": str(error)}, None
    except Exception as error:
        return {"fault": type(error).__name__}, None
    return ({}, value) if isinstance(value, np.ndarray) else ({"value": value}, None)


def _send(pipe: IO[bytes], message, array: np.ndarray | None = None) -> None:
    shape = None if array is None else [array.dtype.str, len(array)]
    pipe.write(json.dumps([message, shape] if isinstance(message, dict) else message).encode())
    pipe.write(b"\n")
    if array is not None:
        pipe.write(np.ascontiguousarray(array).view(np.uint8))
    pipe.flush()


def _receive(pipe: IO[bytes]) -> tuple[dict, np.ndarray | None]:
    """Return an answer; raise ValueError if the process ended before it was whole."""
    answer, shape = json.loads(pipe.readline())
    if shape is None:
        return answer, None
    dtype, length = np.dtype(shape[0]), int(shape[1])
    content = pipe.read(dtype.itemsize * length)
    return answer, np.frombuffer(content, dtype, length)


def _running() -> subprocess.Popen:
    global _process
    if _process is not None and _process.poll() is not None:
        stop()
    if _process is None:
        paths = os.pathsep.join(path for path in sys.path if path)
        _process = subprocess.Popen(
            [sys.executable, "-c", _COMMAND],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": paths},
        )
    return _process


def _forget() -> None:
    """Leave the process to the parent after a fork: two must not read its answers."""
    global _process, _lock
    _process, _lock = None, threading.Lock()


atexit.register(stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)
