"""What a corpus remembers of how it was built, in its hidden folder `.build`.

    .build/lock                    held while a build runs, by the kernel: freed however it ends
    .build/<cohort>/parts/         recordings drawn and not yet in a shard
    .build/<cohort>/state.json     what is in the cohort's shards
    .build/<cohort>/ready/         new shards and their state, whole: on their way to their place

A build that was killed is taken up from there by the next one.
"""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from psgvlm.builders.build import parts, shards
from psgvlm.builders.build.parts import Result
from psgvlm.builders.build.shards import Shard

from psgvlm import chat, dataset_card, image_spec
from psgvlm.corpus import checksums, manifest
from psgvlm.errors import InputError

FOLDER = ".build"
VERSION = 3


@dataclass
class Entry:
    """A recording of the corpus: where it goes, what decides its rows, what became of it.

    `at` is the place of its rows among the shards of its split, where there are any.
    """

    path: str
    subject: str
    recording: str
    key: str
    split: str
    fold: int | None
    result: Result | None = None
    at: shards.Place | None = None

    @property
    def identity(self) -> tuple:
        """What the bytes of its rows depend on."""
        return self.subject, self.recording, self.key, self.split, self.fold


@dataclass
class State:
    """A cohort as it was built: its recordings in order, the shards of every split and task.

    `options` are those of the command line that decided it.
    """

    entries: list[Entry] = field(default_factory=list)
    shards: dict[str, dict[str, list[Shard]]] = field(default_factory=dict)
    options: str = ""

    @property
    def tasks(self) -> set[str]:
        """The tasks that it has rows for."""
        return {task for tasks in self.shards.values() for task in tasks}

    def rows(self, split: str) -> list[tuple]:
        """What the shards of a split hold, in their order."""
        return [r.identity for r in self.entries if r.split == split and r.at]

    def save(self, path: Path) -> None:
        text = json.dumps({"version": VERSION, **asdict(self)})
        with path.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())

    @classmethod
    def load(cls, path: Path) -> "State":
        """The state saved there; an empty one where there is none that can be used."""
        try:
            content = json.loads(path.read_text())
            if content.pop("version") != VERSION:
                return cls()
            entries = content["entries"]
            for each in entries:
                each["result"] = Result(**each["result"])
                each["at"] = each["at"] and shards.Place(*each["at"])
            found = {
                split: {task: [Shard(*shard) for shard in many] for task, many in tasks.items()}
                for split, tasks in content["shards"].items()
            }
            return cls([Entry(**each) for each in entries], found, content["options"])
        except FileNotFoundError:
            return cls()
        # Only this program writes it: it is damaged, and the corpus is drawn anew.
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Have the corpus to oneself. `InputError` where another build has, or it cannot be written."""
    from filelock import FileLock, Timeout

    folder = out / FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{out}: another build is writing into it; expected one at a time: wait for it, or "
            "choose another --out"
        ) from error
    except OSError as error:
        raise parts.unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def repair(out: Path) -> None:
    """Finish what a killed build had ready, of whatever cohort; throw away what it had not."""
    for work in sorted(path for path in (out / FOLDER).iterdir() if path.is_dir()):
        for leftover in (work / "new", work / "spent", *work.glob("parts/*.tmp")):
            remove(leftover)
        if (work / "ready").exists():
            publish(out, work.name)
        remove(work / "old")


def publish(out: Path, cohort: str) -> None:
    """Put what is ready in its place, and tell of the corpus as a whole.

    It can be killed anywhere and done again: `ready` is there until all is in place.
    """
    work = out / FOLDER / cohort
    ready, old = work / "ready", work / "old"
    built = State.load(ready / "state.json")
    if not built.shards:  # another version's: what is in place stays there
        remove(ready)
        return
    _put(ready / image_spec.FILE_NAME, out, work)  # first: a corpus is known by it
    for task in chat.TASKS:
        name = chat.configuration(cohort, task)
        new, place = ready / "shards" / name, out / name
        # A task that is no longer asked for loses its folder: it would have other rows.
        if place.exists() and (new.exists() or task not in built.tasks):
            remove(old / name)
            old.mkdir(exist_ok=True)
            place.rename(old / name)
        if new.exists():
            new.rename(place)
    _put(ready / "state.json", work, work)
    rows = [manifest.row(cohort, each, built.options) for each in built.entries]
    manifest.write(out, cohort, rows)
    digests = known_digests(out)
    dataset_card.write(out, digests)
    checksums.write(out, digests)
    ready.rename(work / "spent")
    for spent in (work / "spent", old, work / "parts"):
        remove(spent)


def _put(file: Path, folder: Path, work: Path) -> None:
    part = work / f"{file.name}.part"
    shutil.copyfile(file, part)
    part.replace(folder / file.name)


def known_digests(out: Path) -> dict[str, str]:
    """SHA-256 of the shards as they were written, by their path; not of those changed since."""
    return {
        f"{folder}/{shard.name}": shard.sha256
        for path in sorted((out / FOLDER).glob("*/state.json"))
        for tasks in State.load(path).shards.values()
        for task, many in tasks.items()
        for folder in [chat.configuration(path.parent.name, task)]
        for shard in many
        if shard.intact(out / folder)
    }


def remove(path: Path) -> None:
    """A file or a folder, if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
