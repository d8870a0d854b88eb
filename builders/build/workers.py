"""A pool of worker processes. If one dies, the others go on and its task is tried again.

Each worker has a pipe of its own, so that the pool knows which task a dead worker had.
`ProcessPoolExecutor` gives up all tasks in flight when one worker dies.
"""

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection
from typing import NamedTuple

from psgvlm.errors import InputError

TRIES = 3  # how many workers may die of a task before it is given up


class Died(NamedTuple):
    """The outcome of a task whose workers all died; `how` says how, for a person."""

    how: str


def cores() -> int:
    """Return how many cores this process may use; Slurm and containers may allow fewer than all."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(function: Callable, tasks: Sequence, count: int) -> Iterator[tuple[int, object]]:
    """Run a function over tasks in several processes.

    Parameters
    ----------
    function : callable
        A function of a module, which the processes import.
    tasks : sequence
        Its arguments; each is pickled.
    count : int
        The number of processes. They end when this process ends, however it ends.

    Yields
    ------
    tuple of int and object
        The index of a task and its result or `Died`, in the order in which the tasks end.

    Raises
    ------
    InputError
        If a task raises it: this stops all other tasks.
    """
    context = _context()
    waiting, tries = deque(range(len(tasks))), [0] * len(tasks)
    crew: dict[connection.Connection, tuple] = {}  # pipe of a worker: its process, its task
    done = []  # workers that have no more to do: they end because their pipe is closed
    try:
        while waiting or crew:
            while waiting and len(crew) < count:
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(function, theirs), daemon=True)
                process.start()
                theirs.close()  # otherwise the pipe would not end with the worker
                crew[ours] = process, None
                _send_next_task(crew, ours, tasks, waiting)
            for pipe in connection.wait(list(crew)):
                process, index = crew[pipe]
                try:
                    outcome = pipe.recv()
                except (EOFError, OSError):
                    del crew[pipe]
                    pipe.close()
                    process.join()
                    tries[index] += 1
                    if tries[index] < TRIES:
                        waiting.appendleft(index)
                    else:
                        end = _describe_end(process.exitcode)
                        yield index, Died(f"{TRIES} workers died while drawing it, the last {end}")
                    continue
                if isinstance(outcome, InputError):
                    raise outcome
                if waiting:
                    _send_next_task(crew, pipe, tasks, waiting)
                else:
                    del crew[pipe]
                    pipe.close()
                    done.append(process)
                yield index, outcome
    finally:
        for pipe, (process, _) in crew.items():
            process.kill()
            process.join()
            pipe.close()
        for process in done:
            process.join()


def _send_next_task(
    crew: dict, pipe: connection.Connection, tasks: Sequence, waiting: deque
) -> None:
    index = waiting.popleft()
    crew[pipe] = crew[pipe][0], index
    # If the worker has died already, its pipe ends, and `run` notices that.
    with contextlib.suppress(OSError):
        pipe.send(tasks[index])


def _serve(function: Callable, pipe: connection.Connection) -> None:
    """Work in a worker process until the pipe ends, also because the main process was killed."""
    # Ctrl-C reaches all processes; the main process decides what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        while True:
            try:
                outcome = function(pipe.recv())
            except InputError as error:
                outcome = error
            pipe.send(outcome)
    except (EOFError, OSError):
        return


def _context():
    """Return how to start processes: fork them from a server that has imported what they need."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["psgvlm.builders.build.drawing", "psgvlm.images.stroke", "scipy.fft"]
    )
    if threading.current_thread() is threading.main_thread():
        # The server and its children must ignore Ctrl-C from the start, or they print tracebacks.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, before)
    return context


def _describe_end(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        # A SIGKILL that no person sent comes from the kernel, when memory runs out.
        return f"killed by {signal.Signals(-exitcode).name}"
    return f"with exit status {exitcode}"
