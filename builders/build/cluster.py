"""The same work on a Dask cluster, deployed by Slurm, PBS, Kubernetes or by hand.

A worker that dies is Dask's to notice: the task goes to another one, as often as the scheduler's
own `distributed.scheduler.allowed-failures` says.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence

from psgvlm.builders.build.workers import Died

from psgvlm.errors import InputError

CONNECT_S = 8


def run(function: Callable, tasks: Sequence, scheduler: str) -> Iterator[tuple[int, object]]:
    """Run `function` over the tasks on the cluster, as `workers.run` does on this machine."""
    try:
        from distributed import Client, as_completed
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise InputError(
            f"--scheduler {scheduler}: Dask is not installed ({error}); expected it here and where "
            "the workers run: pip install 'psgvlm[cluster]'"
        ) from error
    try:
        asyncio.run(asyncio.wait_for(_greet(scheduler), CONNECT_S))
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"--scheduler {scheduler}: no Dask scheduler answers within {CONNECT_S} s "
            f"({type(error).__name__}); expected the address that `dask scheduler` prints, such as "
            "tcp://host:8786"
        ) from error
    with client:
        if not client.nthreads():
            print(f"{scheduler}: no workers yet, waiting for the first", file=sys.stderr)
        futures = client.map(function, tasks, pure=False, retries=0)
        index_of = {future.key: index for index, future in enumerate(futures)}
        completed = as_completed(futures, loop=client.loop)
        del futures  # the scheduler forgets a result once nobody here holds its future
        for future in completed:
            if future.status in ("lost", "pending") and client.status == "running":
                # Its result lay with a worker that died before it was fetched: it is done again.
                completed.add(future)
                continue
            error = future.exception() if future.status == "error" else None
            if error is None and future.status != "finished":
                raise InputError(
                    f"--scheduler {scheduler}: lost on the way ({future.status}); what was drawn "
                    "is kept: start the same command again"
                )
            if isinstance(error, KilledWorker):
                yield index_of[future.key], Died("each worker that had it was lost")
            elif isinstance(error, InputError):
                raise error
            elif error:
                raise InputError(
                    f"--scheduler {scheduler}: its workers cannot do it ({type(error).__name__}: "
                    f"{error}); expected workers that have this version of psgvlm installed"
                ) from error
            else:
                yield index_of[future.key], future.result()


async def _greet(scheduler: str) -> None:
    """Shake hands and leave: `Client` would wait for ever for somebody who only listens."""
    from distributed.comm import connect
    from distributed.security import Security

    options = Security().get_connection_args("client")
    (await connect(scheduler, timeout=CONNECT_S, **options)).abort()
