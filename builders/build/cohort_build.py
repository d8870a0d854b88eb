"""What every cohort needs: nights drawn in parallel, rows written, split by subject, a card.

A corpus is a folder that `load_dataset` reads as it reads a repository of the Hub: `README.md`,
`image_spec.json`, `<cohort>/<split>-00000-of-0000N.parquet`, and for other tasks the same pictures
in `<cohort>-<task>/`. Built in one go, after any number of interruptions, or bit by bit as
recordings are added: it is the same, byte for byte.

A task added later has all recordings drawn again, for what it tells is measured in their signals.
One that is no longer asked for loses its folder, and nothing is drawn.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from psgvlm.builders.build import drawing, parts, shards, state
from psgvlm.builders.build.drawing import Task
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.build.parts import DamagedFile, Result
from psgvlm.builders.build.progress import Progress, Room
from psgvlm.builders.build.shards import Shard
from psgvlm.builders.build.state import Entry, State
from psgvlm.builders.build.workers import Died
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm import chat, files, image_spec
from psgvlm.corpus import checksums, manifest
from psgvlm.corpus.manifest import FAILED
from psgvlm.corpus.splits import Place
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.signals import waves

# Runs a function over tasks somewhere: `workers.run` or `cluster.run`, all but chosen.
Run = Callable[[Callable, list], Iterator[tuple[int, object]]]


def build(
    reader: ModuleType,
    nights: list[FoundNight],
    out: Path,
    spec: ImageSpec,
    places: dict[str, Place],
    choices: Choices,
    run: Run,
    options: str = "",
) -> list[Entry]:
    """Draw the nights of one cohort into the corpus `out`, subjects placed as `places` says.

    `options` is what the corpus is to tell of how that was asked for.

    Only what is missing is done: recordings whose files and settings are those of an earlier build,
    finished or not, are taken from there. Returns what became of each recording; where none could
    be drawn the corpus stays as it was. Raises `InputError` where `out` is no corpus of the same
    spec, is being built, or cannot be written, and where a task needs yasa and it is not installed.
    What is in the corpus is replaced when the new is whole.
    """
    check_output(out, spec)
    if choices.measured:
        waves.load_yasa()
    with state.locked(out):
        check_output(out, spec)
        try:
            state.repair(out)
            job = _Build(reader, nights, out, spec, places, choices, options)
            while True:
                if job.complete():
                    state.remove(job.parts)
                    break
                job.draw(run)
                if not any(each.result.rows for each in job.entries):
                    break
                try:
                    job.finish()
                    break
                except DamagedFile as damaged:
                    job.set_aside(*damaged.args)
        except OSError as error:
            raise parts.unwritable(out, error) from error
        return job.entries


def find(reader: ModuleType, raw: Path) -> list[FoundNight]:
    """The reader's nights below `raw`; none is an error that says what was looked for."""
    if not raw.is_dir():
        raise InputError(f"{raw}: no such folder; expected one that holds {reader.EXPECTED}")
    nights = reader.find(raw)
    if not nights:
        count = len(files.below(raw, ("",)))
        raise InputError(f"{raw}: no recordings among {count} files; expected {reader.EXPECTED}")
    named: dict[str, Path] = {}
    for night in nights:
        other = named.setdefault(night.recording, night.signal)
        if other != night.signal:
            raise InputError(
                f"{night.signal}: recording {night.recording} again, which {other} is too; "
                "expected every recording once: keep one, or name the folder that holds one"
            )
    return nights


def check_output(out: Path, spec: ImageSpec) -> None:
    """Refuse a folder that holds something else, or a corpus drawn otherwise."""
    try:
        held = [entry for entry in out.iterdir() if entry.name != state.FOLDER]
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{out}: {error.strerror}; expected a folder to write into") from error
    path = out / image_spec.FILE_NAME
    if not held:
        return
    if not path.is_file():
        raise InputError(
            f"{out}: holds files but no {image_spec.FILE_NAME}; "
            "expected an empty folder or a corpus"
        )
    if differences := ImageSpec.load(path).differences(spec):
        raise InputError(
            f"{path}: this corpus was drawn with another image spec ({differences}); "
            "expected the same one: choose another --out or the same --image"
        )


class _Build:
    """One cohort on its way into a corpus: what each recording's rows are taken from."""

    def __init__(self, reader, nights, out, spec, places, choices, options):
        self.reader, self.out, self.spec, self.choices = reader, out, spec, choices
        self.options = options
        self.cohort = nights[0].cohort
        self.folders = {task: chat.configuration(self.cohort, task) for task in choices.tasks}
        self.work = out / state.FOLDER / self.cohort
        self.parts = self.work / "parts"
        self.before = State.load(self.work / "state.json")
        self.damaged: set[Path] = set()
        self.nights = {night.recording: night for night in nights}
        raw = choices.raw or Path()
        self.entries = [
            Entry(
                files.readable(os.path.relpath(night.signal, raw)),
                night.subject,
                night.recording,
                parts.key(reader.__name__, night, spec, choices),
                *places[night.subject],
            )
            for night in sorted(nights, key=lambda night: (night.subject, night.recording))
        ]
        self._find_results()

    def _find_results(self) -> None:
        """Look up what became of each recording before: in the corpus, else in a part."""
        self.kept = {split for split in self.before.shards if self._intact(split)}
        self.old = {
            each.key: each
            for each in self.before.entries
            if each.result.lasting and (not each.at or each.split in self.kept)
        }
        for each in self.entries:
            part = self._part(each)
            if each.key in self.old:
                each.result = self.old[each.key].result
            elif part.exists():
                try:
                    each.result = parts.read(part, part.name).result
                except DamagedFile:
                    self._say_damaged(part)
                    part.unlink()

    def _intact(self, split: str) -> bool:
        """Whether the shards of a split, of all tasks asked, are as the last build left them."""
        held = self.before.shards[split]
        return all(task in held for task in self.folders) and all(
            shard.intact(folder) and folder / shard.name not in self.damaged
            for folder, shard in self._shards(split)
        )

    def _shards(self, split: str) -> Iterator[tuple[Path, Shard]]:
        """The shards that a split has had for the tasks asked, and the folders they are in."""
        for task, name in self.folders.items():
            for shard in self.before.shards[split][task]:
                yield self.out / name, shard

    def _part(self, each: Entry) -> Path:
        """Where a recording is drawn to: another place if it is measured, too."""
        return self.parts / (each.key + "-measured" * self.choices.measured)

    def complete(self) -> bool:
        """Whether the corpus is already what is asked for. Files are looked at, not read."""
        told = ("README.md", manifest.FILE_NAME, image_spec.FILE_NAME, checksums.FILE_NAME)
        return (
            [(each.path, each.identity) for each in self.entries]
            == [(each.path, each.identity) for each in self.before.entries]
            and self.before.tasks == set(self.folders)
            and self.before.options == self.options
            and all(each.key in self.old for each in self.entries)
            and all((self.out / name).is_file() for name in told)
        )

    def draw(self, run: Run) -> None:
        """Have every recording drawn that has no result yet. What is done is kept."""
        missing = [each for each in self.entries if each.result is None]
        done = [each for each in self.entries if each.result]
        anew = {s for s in {each.split for each in self.entries} if not self._unchanged(s)}
        moved = sum(each.result.bytes for each in done if each.split in anew)
        sizes, tasks = [each.result.bytes for each in done], len(self.folders)
        room = Room(self.out, sizes, moved, len(missing), tasks)
        room.check()
        if not missing:
            return
        self.parts.mkdir(parents=True, exist_ok=True)
        name = self.reader.__name__
        work = [
            Task(name, self.nights[each.recording], self.spec, self.choices, part.name, part)
            for each, part in ((each, self._part(each)) for each in missing)
        ]
        with (
            Progress(self.cohort, [each.result for each in done], len(self.entries)) as progress,
            contextlib.closing(run(drawing.work, work)) as outcomes,
        ):
            for index, outcome in outcomes:
                if isinstance(outcome, Died):
                    outcome = Result(FAILED, reason=outcome.how, lasting=False)
                missing[index].result = outcome
                progress.add(outcome)
                room.add(outcome.bytes)

    def finish(self) -> None:
        """Write the shards of all splits and put them in their place.

        Raises `DamagedFile` where something to be read is not what was once written.
        """
        new = self.work / "new"
        folders = {task: new / "shards" / name for task, name in self.folders.items()}
        for folder in folders.values():
            folder.mkdir(parents=True)
        built = State(self.entries, options=self.options)
        for split in sorted({each.split for each in self.entries if each.result.rows}):
            mine = [each for each in self.entries if each.split == split and each.result.rows]
            if self._unchanged(split):
                spots = [self.old[each.key].at for each in mine]
                held = {task: self.before.shards[split][task] for task in folders}
                for folder, shard in self._shards(split):
                    _link(folder / shard.name, new / "shards" / folder.name / shard.name)
            else:
                self._check_sources(mine)
                held, spots = shards.write(map(self._groups, mine), folders, split)
            built.shards[split] = held
            for each, spot in zip(mine, spots, strict=True):
                each.at = spot
        self.spec.save(new)
        built.save(new / "state.json")
        new.rename(self.work / "ready")
        state.publish(self.out, self.cohort)

    def _unchanged(self, split: str) -> bool:
        """Whether the shards of a split can stay as they are."""
        wanted = [each for each in self.entries if each.split == split]
        return split in self.kept and self.before.rows(split) == [
            each.identity for each in wanted if not each.result or each.result.rows
        ]

    def _check_sources(self, entries: list[Entry]) -> None:
        """Shards that rows are taken from hold what was written, bit by bit."""
        old = [self.old[each.key] for each in entries if each.key in self.old]
        for split in sorted({each.split for each in old}):
            for folder, shard in self._shards(split):
                shards.check(folder, shard)

    def _groups(self, each: Entry) -> Iterator[shards.Group]:
        """The row groups of a recording, from the corpus as it was, else from its part."""
        if old := self.old.get(each.key):
            held = self.before.shards[old.split]
            files = {
                task: [self.out / folder / shard.name for shard in held[task]]
                for task, folder in self.folders.items()
            }
            return shards.from_shards(files, old.at, each.fold)
        part = self._part(each)
        return shards.from_part(parts.read(part, part.name), each.fold, list(self.folders))

    def set_aside(self, path: Path) -> None:
        """A file is damaged: what it held is drawn again."""
        self._say_damaged(path)
        self.damaged.add(path)
        if path.parent == self.parts:
            path.unlink(missing_ok=True)
        state.remove(self.work / "new")
        for each in self.entries:
            each.result = each.at = None
        self._find_results()

    def _say_damaged(self, path: Path) -> None:
        print(f"{path}: damaged since it was written; drawn again", file=sys.stderr)


def _link(source: Path, target: Path) -> None:
    """The same file in another folder; a copy where the disk knows no links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
