"""What a corpus remembers of how it was built, in its hidden folder `.build`.

    .build/lock                    held by the kernel while a build runs, freed however it ends
    .build/<cohort>/parts/         recordings that are drawn and not yet in a shard
    .build/<cohort>/state.json     what the shards of the cohort hold
    .build/<cohort>/ready/         complete new shards and their state, to be moved into place

If a build is killed, the next one continues from here.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from psgvlm.builders.build import parts, shards
from psgvlm.builders.build.output import STATE_FOLDER
from psgvlm.builders.build.parts import Result
from psgvlm.builders.build.shards import Shard

from psgvlm import chat, dataset_card, files, image_spec
from psgvlm.corpus import checksums, manifest
from psgvlm.errors import InputError

VERSION = 5


@dataclass
class Entry:
    """A recording of a corpus.

    Parameters
    ----------
    path : str
        Its file, relative to the raw folder.
    subject, recording : str
        Whose night it is, and its name.
    key : str
        A digest of everything that decides its rows (`parts.key`).
    split : str
        Its split.
    fold : int or None
        The fold in which its subject is tested.
    result : Result, optional
        What became of it.
    span : RowSpan, optional
        Where its rows are in the shards of its split, if it has rows.
    """

    path: str
    subject: str
    recording: str
    key: str
    split: str
    fold: int | None
    result: Result | None = None
    span: shards.RowSpan | None = None

    @property
    def identity(self) -> tuple:
        """Everything that the bytes of its rows depend on."""
        return self.subject, self.recording, self.key, self.split, self.fold


@dataclass
class State:
    """A cohort as it was built.

    Parameters
    ----------
    entries : list of Entry
        Its recordings in order.
    shards : dict of str to dict of str to list of Shard
        The shards of every split and task.
    options : str
        The options of the command line that decided what it holds.
    reader : str
        The word by which `psgvlm build` knows the reader.
    """

    entries: list[Entry] = field(default_factory=list)
    shards: dict[str, dict[str, list[Shard]]] = field(default_factory=dict)
    options: str = ""
    reader: str = ""

    @property
    def tasks(self) -> set[str]:
        """The tasks that the cohort has rows for."""
        return {task for tasks in self.shards.values() for task in tasks}

    def identities(self, split: str) -> list[tuple]:
        """Return the identities of the recordings in the shards of a split, in their order."""
        return [entry.identity for entry in self.entries if entry.split == split and entry.span]

    def save(self, path: Path) -> None:
        files.write_text(path, json.dumps({"version": VERSION, **asdict(self)}))

    @classmethod
    def load(cls, path: Path) -> "State":
        """Return the saved state, or an empty state if the file is missing or cannot be used."""
        try:
            content = json.loads(path.read_text())
            if content.pop("version") != VERSION:
                return cls()
            entries = content["entries"]
            for entry in entries:
                entry["result"] = Result(**entry["result"])
                entry["span"] = entry["span"] and shards.RowSpan(*entry["span"])
            loaded = {
                split: {task: [Shard(*shard) for shard in many] for task, many in tasks.items()}
                for split, tasks in content["shards"].items()
            }
            return cls(
                [Entry(**entry) for entry in entries], loaded, content["options"], content["reader"]
            )
        except FileNotFoundError:
            return cls()
        # Only this program writes the file. If it is damaged, the corpus is drawn anew.
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls()


def outdated_cohorts(out: Path) -> list[str]:
    """Return the cohorts of a corpus that another version of psgvlm built.

    Their rows may have other columns than those of the other cohorts.
    """
    cohorts = []
    for path in sorted((out / STATE_FOLDER).glob("*/state.json")):
        try:
            version = json.loads(path.read_text("utf-8"))["version"]
        except (OSError, ValueError, KeyError, TypeError):
            version = None
        if version != VERSION and (out / path.parent.name).is_dir():
            cohorts.append(path.parent.name)
    return cohorts


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """Hold the lock of a corpus, so that no other build writes into it.

    Raises `InputError` if another build holds it, or if the folder cannot be written.
    """
    from filelock import FileLock, Timeout

    folder = out / STATE_FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / "lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{out}: another build is writing into it; expected one build at a time: wait for it, "
            "or write into another folder",
            parameter="out",
        ) from error
    except OSError as error:
        raise parts.unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def repair(out: Path) -> None:
    """Finish what a killed build had ready, for any cohort, and remove what it had not."""
    for leftover in out.glob(".*.tmp"):
        remove(leftover)
    for work in sorted(path for path in (out / STATE_FOLDER).iterdir() if path.is_dir()):
        unfinished = (*work.glob("*.tmp"), *work.glob("parts/*.tmp"))
        for leftover in (work / "new", work / "spent", *unfinished):
            remove(leftover)
        if (work / "ready").exists():
            publish(out, work.name)
        remove(work / "old")


def publish(out: Path, cohort: str) -> None:
    """Move the ready shards of a cohort into place, and describe the whole corpus anew.

    This can be killed anywhere and run again: `ready` exists until everything is in place.
    """
    work = out / STATE_FOLDER / cohort
    ready, old = work / "ready", work / "old"
    built = State.load(ready / "state.json")
    if not built.shards:  # another version wrote it: keep the shards that are in place
        remove(ready)
        return
    _copy(ready / image_spec.FILE_NAME, out)  # first, because a corpus is recognised by it
    for task in chat.TASKS:
        name = chat.configuration(cohort, task)
        new, place = ready / "shards" / name, out / name
        # A task that is no longer asked for loses its folder: it would hold other rows.
        if place.exists() and (new.exists() or task not in built.tasks):
            remove(old / name)
            old.mkdir(exist_ok=True)
            place.rename(old / name)
        if new.exists():
            new.rename(place)
    _copy(ready / "state.json", work)
    rows = [manifest.row(cohort, entry, built.reader, built.options) for entry in built.entries]
    manifest.write(out, cohort, rows)
    digests = known_digests(out)
    dataset_card.write(out, renew_checksums=False)
    checksums.write(out, digests)
    ready.rename(work / "spent")
    for spent in (work / "spent", old, work / "parts"):
        remove(spent)


def _copy(file: Path, folder: Path) -> None:
    with files.replacing(folder / file.name) as new:
        shutil.copyfile(file, new)


def known_digests(out: Path) -> dict[str, str]:
    """Return the SHA-256 of the shards that have not changed since they were written, by path."""
    return {
        f"{folder}/{shard.name}": shard.sha256
        for path in sorted((out / STATE_FOLDER).glob("*/state.json"))
        for tasks in State.load(path).shards.values()
        for task, many in tasks.items()
        for folder in [chat.configuration(path.parent.name, task)]
        for shard in many
        if shard.unchanged(out / folder)
    }


def remove(path: Path) -> None:
    """Remove a file or a folder if it exists."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
