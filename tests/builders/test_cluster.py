"""A Dask cluster of two local processes builds the same corpus, also if a worker dies."""

import os
import signal
import socket
from functools import partial
from pathlib import Path

import pytest
from builds import build, content, write_raw
from distributed import LocalCluster
from psgvlm.builders.build import cluster
from psgvlm.builders.build.workers import Died

from psgvlm.errors import InputError


@pytest.fixture(scope="module")
def raw(tmp_path_factory):
    return write_raw(tmp_path_factory.mktemp("raw"), range(12))


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
    ) as local:
        yield local.scheduler_address


def die_once(mark, function, task):
    """Kill the worker that draws the fifth recording; another worker draws it."""
    if task.night.recording.endswith("200002"):
        try:
            Path(mark).touch(exist_ok=False)
        except FileExistsError:
            return function(task)
        os.kill(os.getpid(), signal.SIGKILL)
    return function(task)


def test_a_worker_killed_in_the_middle_changes_nothing(raw, scheduler, tmp_path, monkeypatch):
    run, mark = cluster.run, tmp_path / "mark"
    monkeypatch.setattr(
        cluster,
        "run",
        lambda function, tasks, scheduler: run(partial(die_once, mark, function), tasks, scheduler),
    )
    assert build(raw, tmp_path / "c", "--scheduler", scheduler) == 0
    assert mark.exists()
    assert build(raw, tmp_path / "one", "--workers", 1) == 0
    assert content(tmp_path / "c") == content(tmp_path / "one")


def die(task):
    if task == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def test_a_task_that_kills_every_worker_is_given_up(scheduler):
    outcomes = dict(cluster.run(die, [0, 1, 2], scheduler))
    assert isinstance(outcomes[2], Died)


def refuse(task):
    raise InputError("the disk is full")


def test_an_error_for_people_is_raised_here(scheduler):
    with pytest.raises(InputError, match=r"^the disk is full$"):
        list(cluster.run(refuse, [0, 1], scheduler))


def test_workers_that_do_not_see_the_folder(raw, scheduler, tmp_path, monkeypatch):
    """The worker behaves like one on a machine without the shared disk."""
    run = cluster.run
    monkeypatch.setattr(
        cluster,
        "run",
        lambda function, tasks, scheduler: run(partial(blind, function), tasks, scheduler),
    )
    with pytest.raises(InputError, match="a worker does not see this folder; expected a disk"):
        build(raw, tmp_path / "c", "--scheduler", scheduler)


def blind(function, task):
    from dataclasses import replace

    return function(replace(task, part=Path("/nowhere") / task.part.name))


def test_a_scheduler_that_cannot_be_reached_is_named(raw, tmp_path, monkeypatch):
    """No server listens, a server listens that never answers, and the address is not valid."""
    assert cluster.CONNECT_S < 10
    monkeypatch.setattr(cluster, "CONNECT_S", 1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        for listens in (False, True):
            if listens:
                silent.listen()
            with pytest.raises(InputError, match=f"{address}: no Dask scheduler answers"):
                build(raw, tmp_path / "c", "--scheduler", address)
    with pytest.raises(InputError, match="expected the address"):
        build(raw, tmp_path / "c", "--scheduler", "what://is:this")
    assert content(tmp_path / "c") == {}
