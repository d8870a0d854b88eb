"""The same work as `workers`, on a Dask cluster that Slurm, PBS, Kubernetes or a person started.

If a worker dies, Dask gives its task to another worker, as often as the scheduler's setting
`distributed.scheduler.allowed-failures` says.
"""

import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence

from psgvlm.builders.build.workers import Died

from psgvlm.errors import InputError

CONNECT_S = 8


def run(function: Callable, tasks: Sequence, scheduler: str) -> Iterator[tuple[int, object]]:
    """Run a function over tasks on a cluster; yield outcomes as `workers.run` does.

    Raises `InputError` if Dask is not installed, if no scheduler answers at the address, if the
    connection is lost, and if a task raises an error.
    """
    try:
        from distributed import Client, as_completed
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise InputError(
            f"scheduler {scheduler}: Dask is not installed ({error}); expected it here and where "
            "the workers run: pip install 'psgvlm[cluster]'",
            parameter="scheduler",
        ) from error
    try:
        asyncio.run(asyncio.wait_for(_shake_hands(scheduler), CONNECT_S))
        client = Client(scheduler, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError) as error:
        raise InputError(
            f"scheduler {scheduler}: no Dask scheduler answers within {CONNECT_S} s "
            f"({type(error).__name__}); expected the address that `dask scheduler` prints, such as "
            "tcp://host:8786",
            parameter="scheduler",
        ) from error
    with client:
        if not client.nthreads():
            print(f"{scheduler}: has no workers yet; waiting for the first", file=sys.stderr)
        futures = client.map(function, tasks, pure=False, retries=0)
        index_of = {future.key: index for index, future in enumerate(futures)}
        completed = as_completed(futures, loop=client.loop)
        del futures  # the scheduler forgets a result once no future of it is held here
        for future in completed:
            if future.status in ("lost", "pending") and client.status == "running":
                # A worker died with the result before it was fetched: wait for the second try.
                completed.add(future)
                continue
            error = future.exception() if future.status == "error" else None
            if error is None and future.status != "finished":
                raise InputError(
                    f"scheduler {scheduler}: the connection was lost ({future.status}); what was "
                    "drawn is kept: run the same command again"
                )
            if isinstance(error, KilledWorker):
                yield index_of[future.key], Died("each worker that had it was lost")
            elif isinstance(error, InputError):
                raise error
            elif error:
                raise InputError(
                    f"scheduler {scheduler}: its workers cannot draw ({type(error).__name__}: "
                    f"{error}); expected workers that have this version of psgvlm installed"
                ) from error
            else:
                yield index_of[future.key], future.result()


async def _shake_hands(scheduler: str) -> None:
    """Connect and leave. `Client` would wait for ever for a server that never answers."""
    from distributed.comm import connect
    from distributed.security import Security

    options = Security().get_connection_args("client")
    (await connect(scheduler, timeout=CONNECT_S, **options)).abort()
