"""If a worker dies, the others go on, another one takes its task, and no process is left over."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import ROOT
from psgvlm.builders.build import workers
from psgvlm.builders.build.workers import Died

from psgvlm.errors import InputError


def square(task):
    """`task` is (number, the folder of marks, how often its workers die)."""
    number, folder, deaths = task
    mark = Path(folder, f"{number}.{len(list(Path(folder).glob(f'{number}.*')))}")
    mark.touch()
    if mark.suffix[1:] < str(deaths):
        os.kill(os.getpid(), signal.SIGKILL)
    return number**2


@pytest.mark.parametrize("count", [1, 2, 3])
def test_results_come_with_their_index(tmp_path, count):
    tasks = [(number, tmp_path, 0) for number in range(20)]
    assert dict(workers.run(square, tasks, count)) == {n: n**2 for n in range(20)}


@pytest.mark.parametrize("count", [1, 2])
def test_a_task_survives_two_deaths_and_not_three(tmp_path, count):
    deaths = {3: 1, 4: 2, 7: 3, 8: 9}
    tasks = [(number, tmp_path, deaths.get(number, 0)) for number in range(12)]
    outcomes = dict(workers.run(square, tasks, count))
    dead = {7, 8}
    assert {number for number, outcome in outcomes.items() if isinstance(outcome, Died)} == dead
    assert outcomes[7].how == "3 workers died while drawing it, the last killed by SIGKILL"
    assert all(outcomes[number] == number**2 for number in range(12) if number not in dead)
    tries = {number: len(list(tmp_path.glob(f"{number}.*"))) for number in range(12)}
    assert tries == {number: min(deaths.get(number, 0) + 1, 3) for number in range(12)}


def refuse(task):
    raise InputError(f"task {task} is wrong")


def test_an_error_for_people_stops_all_and_is_raised_here():
    with pytest.raises(InputError, match="task 0 is wrong"):
        list(workers.run(refuse, [0, 1, 2], 1))


def ended(pid) -> bool:
    status = Path("/proc", str(pid), "status")
    try:
        return "State:\tZ" in status.read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True


def until(holds):
    """Wait until a function returns True; the timeout of the test is the limit."""
    while not holds():
        time.sleep(0.02)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    """Idle workers end at once, a busy one when its recording is done and cannot be sent."""
    code = (
        "import sys; sys.path[:0] = ['tests/builders', 'tests/helpers']\n"
        "from psgvlm.builders.build import workers; import test_workers\n"
        "if __name__ == '__main__':\n"
        f"    run = workers.run(test_workers.idle, [({str(tmp_path)!r}, i) for i in (0, 1)], 2)\n"
        "    next(run); print('ready', flush=True); next(run)\n"
    )
    script = tmp_path / "script.py"
    script.write_text(code)
    parent = subprocess.Popen(
        [sys.executable, script],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert parent.stdout.readline() == b"ready\n"
    until(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    parent.kill()
    parent.wait()
    (tmp_path / "go").touch()
    pids = [path.name.split("-")[1] for path in tmp_path.glob("pid-*")]
    until(lambda: all(map(ended, pids)))


def idle(task):
    """The first task ends at once, the second when the parent has ended."""
    folder, number = task
    Path(folder, f"pid-{os.getpid()}").touch()
    if number:
        until(lambda: Path(folder, "go").exists())


def test_workers_that_are_not_waited_for_are_ended(tmp_path):
    run = workers.run(idle, [(tmp_path, 0), (tmp_path, 1)], 2)
    next(run)
    until(lambda: len(list(tmp_path.glob("pid-*"))) == 2)
    pids = [path.name.split("-")[1] for path in tmp_path.glob("pid-*")]
    run.close()
    assert all(map(ended, pids))
