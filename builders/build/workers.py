"""A pool of worker processes of which any may die: the others go on, and so does its task.

Each worker has a pipe of its own, so it is known which task died with it. `ProcessPoolExecutor`
gives up all tasks in flight when one worker dies.
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

TRIES = 3  # a task whose worker died goes to another one, at most twice


class Died(NamedTuple):
    """The outcome of a task whose workers all died: how, for a person."""

    how: str


def cores() -> int:
    """The cores that this process may use: under Slurm and in containers not all there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(function: Callable, tasks: Sequence, count: int) -> Iterator[tuple[int, object]]:
    """Run `function` over the tasks in `count` processes.

    Yields (index of the task, its result or `Died`) as they come. An `InputError` that a task
    raises is raised here and stops all. The workers end with this process, however it ends.
    """
    context = _context()
    waiting, tries = deque(range(len(tasks))), [0] * len(tasks)
    crew: dict[connection.Connection, tuple] = {}  # each worker's pipe: its process, its task
    try:
        while waiting or crew:
            while waiting and len(crew) < count:
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(function, theirs), daemon=True)
                process.start()
                theirs.close()  # or the pipe would not end with the worker
                crew[ours] = process, None
                _give(crew, ours, tasks, waiting)
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
                        how = f"{TRIES} workers died of it, the last one {_ended(process.exitcode)}"
                        yield index, Died(how)
                    continue
                if isinstance(outcome, InputError):
                    raise outcome
                if waiting:
                    _give(crew, pipe, tasks, waiting)
                else:
                    del crew[pipe]
                    pipe.close()
                yield index, outcome
    finally:
        for pipe, (process, _) in crew.items():
            process.kill()
            process.join()
            pipe.close()


def _give(crew: dict, pipe: connection.Connection, tasks: Sequence, waiting: deque) -> None:
    index = waiting.popleft()
    crew[pipe] = crew[pipe][0], index
    with contextlib.suppress(OSError):  # it is dead already: its pipe ends, which `run` sees
        pipe.send(tasks[index])


def _serve(function: Callable, pipe: connection.Connection) -> None:
    """A worker: tasks come until the pipe ends, be it because the other process was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches all; the parent says what to do
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
    """How processes are started: from a server that has imported what all of them need."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    from multiprocessing import forkserver

    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["psgvlm.builders.build.drawing", "psgvlm.images.stroke", "scipy.signal"]
    )
    if threading.current_thread() is threading.main_thread():
        # Its children are deaf to Ctrl-C from birth, or they would print tracebacks.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            forkserver.ensure_running()
        finally:
            signal.signal(signal.SIGINT, before)
    return context


def _ended(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        # SIGKILL that nobody sent is the kernel's, out of memory.
        return f"killed by {signal.Signals(-exitcode).name}"
    return f"exit status {exitcode}"
