"""Drawing the nights of one cohort into a corpus, in parallel and as often as the user likes.

A corpus is a folder that `load_dataset` reads like a repository of the Hub: `README.md`,
`image_spec.json`, `<cohort>/<split>-00000-of-0000N.parquet`, and for each other task the same
pictures in `<cohort>-<task>/`. It does not matter whether it was built in one go, after
interruptions, or bit by bit as recordings were added: its bytes are the same.

If a task is added later, every recording is drawn again, because the answers of other tasks are
measured in the signals. If a task is no longer asked for, its folder is removed and nothing is
drawn.
"""

import contextlib
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

from psgvlm.builders.build import drawing, output, parts, shards, state
from psgvlm.builders.build.drawing import Task
from psgvlm.builders.build.examine import Choices
from psgvlm.builders.build.parts import DamagedFile, Result
from psgvlm.builders.build.progress import DiskRoom, Progress
from psgvlm.builders.build.shards import Shard
from psgvlm.builders.build.state import Entry, State
from psgvlm.builders.build.workers import Died
from psgvlm.builders.readers import key_of
from psgvlm.builders.readers.found_night import FoundNight

from psgvlm import chat, files, image_spec
from psgvlm.corpus import checksums, manifest
from psgvlm.corpus.manifest import FAILED
from psgvlm.corpus.splits import Assignment
from psgvlm.image_spec import ImageSpec
from psgvlm.signals import waves

# A function that runs another function over tasks: `workers.run` or `cluster.run` with its place.
Run = Callable[[Callable, list], Iterator[tuple[int, object]]]


def build(
    reader: ModuleType,
    nights: list[FoundNight],
    out: Path,
    spec: ImageSpec,
    assigned: dict[str, Assignment],
    choices: Choices,
    run: Run,
    options: str = "",
) -> list[Entry]:
    """Draw the nights of one cohort into a corpus.

    Only what is missing is drawn: rows of recordings whose files and settings are those of an
    earlier build, finished or not, are taken from there. The shards of the corpus are replaced when
    the new ones are complete. If no recording can be drawn, the corpus stays as it was.

    Parameters
    ----------
    reader : module
        The reader that found the nights.
    nights : list of FoundNight
        At least one night; all are of one cohort.
    out : Path
        The folder of the corpus, new or existing.
    spec : ImageSpec
        How to draw.
    assigned : dict of str to Assignment
        The split and fold of every subject.
    choices : Choices
        What else the user decides.
    run : callable
        How to run the drawing: `workers.run` or `cluster.run`.
    options : str
        The options of the command line, which the card prints.

    Returns
    -------
    list of Entry
        What became of each recording.

    Raises
    ------
    InputError
        If `out` is no corpus of the same image spec, is being built, or cannot be written; if a
        task needs yasa and it is not installed.
    """
    output.check(out, spec)
    if choices.measured:
        waves.load_yasa()
    with state.locked(out):
        output.check(out, spec)
        try:
            state.repair(out)
            cohort_build = CohortBuild(reader, nights, out, spec, assigned, choices, options)
            while True:
                if cohort_build.is_complete():
                    state.remove(cohort_build.parts)
                    break
                cohort_build.draw(run)
                if not any(entry.result.rows for entry in cohort_build.entries):
                    break
                try:
                    cohort_build.finish()
                    break
                except DamagedFile as damaged:
                    cohort_build.discard(*damaged.args)
        except OSError as error:
            raise parts.unwritable(out, error) from error
        return cohort_build.entries


class CohortBuild:
    """One cohort on its way into a corpus: for each recording, where its rows come from."""

    def __init__(self, reader, nights, out, spec, assigned, choices, options):
        self.reader, self.out, self.spec, self.choices = reader, out, spec, choices
        self.options = options
        self.cohort = nights[0].cohort
        self.folders = {task: chat.configuration(self.cohort, task) for task in choices.tasks}
        self.work = out / output.STATE_FOLDER / self.cohort
        self.parts = self.work / "parts"
        self.before = State.load(self.work / "state.json")
        self.damaged: set[Path] = set()
        self.nights = {night.recording: night for night in nights}
        raw = choices.raw or Path()
        self.entries = [
            Entry(
                files.printable_name(os.path.relpath(night.signal, raw)),
                night.subject,
                night.recording,
                parts.key(reader.__name__, night, spec, choices),
                *assigned[night.subject],
            )
            for night in sorted(nights, key=lambda night: (night.subject, night.recording))
        ]
        self._find_results()

    def _find_results(self) -> None:
        """Look up each recording in the corpus as it was, then among the parts."""
        self.unchanged_splits = {split for split in self.before.shards if self._unchanged(split)}
        self.old = {
            entry.key: entry
            for entry in self.before.entries
            if entry.result.lasting and (not entry.span or entry.split in self.unchanged_splits)
        }
        for entry in self.entries:
            part = self._part(entry)
            if entry.key in self.old:
                entry.result = self.old[entry.key].result
            elif part.exists():
                try:
                    entry.result = parts.read(part, part.name).result
                except DamagedFile:
                    self._report_damage(part)
                    part.unlink()

    def _unchanged(self, split: str) -> bool:
        """Return whether the shards of a split, for all tasks, are as the last build left them."""
        tasks = self.before.shards[split]
        return all(task in tasks for task in self.folders) and all(
            shard.unchanged(folder) and folder / shard.name not in self.damaged
            for folder, shard in self._shards(split)
        )

    def _shards(self, split: str) -> Iterator[tuple[Path, Shard]]:
        """Yield the folder and the shard of each task, as the last build wrote them."""
        for task, name in self.folders.items():
            for shard in self.before.shards[split][task]:
                yield self.out / name, shard

    def _part(self, entry: Entry) -> Path:
        """Return the path of a recording's part; with measurements it is another part."""
        return self.parts / (entry.key + "-measured" * self.choices.measured)

    def is_complete(self) -> bool:
        """Return whether the corpus holds what is asked for. No file is read, only looked up."""
        names = ("README.md", manifest.FILE_NAME, image_spec.FILE_NAME, checksums.FILE_NAME)
        return (
            [(entry.path, entry.identity) for entry in self.entries]
            == [(entry.path, entry.identity) for entry in self.before.entries]
            and self.before.tasks == set(self.folders)
            and self.before.options == self.options
            and all(entry.key in self.old for entry in self.entries)
            and all((self.out / name).is_file() for name in names)
        )

    def draw(self, run: Run) -> None:
        """Draw every recording that has no result yet; parts that are done stay on the disk."""
        missing = [entry for entry in self.entries if entry.result is None]
        done = [entry for entry in self.entries if entry.result]
        splits = {entry.split for entry in self.entries}
        rewritten = {split for split in splits if not self._can_keep(split)}
        shard_bytes = sum(entry.result.bytes for entry in done if entry.split in rewritten)
        sizes = [entry.result.bytes for entry in done]
        room = DiskRoom(self.out, sizes, shard_bytes, len(missing), len(self.folders))
        room.check()
        if not missing:
            return
        self.parts.mkdir(parents=True, exist_ok=True)
        name = self.reader.__name__
        tasks = [
            Task(name, self.nights[entry.recording], self.spec, self.choices, part.name, part)
            for entry, part in ((entry, self._part(entry)) for entry in missing)
        ]
        with (
            Progress(self.cohort, [entry.result for entry in done], len(self.entries)) as progress,
            contextlib.closing(run(drawing.work, tasks)) as outcomes,
        ):
            for index, outcome in outcomes:
                if isinstance(outcome, Died):
                    outcome = Result(FAILED, reason=outcome.how, lasting=False)
                missing[index].result = outcome
                progress.add(outcome)
                room.add(outcome.bytes)

    def finish(self) -> None:
        """Write the shards of all splits and move them into place.

        Raise `DamagedFile` if a part or a shard to be read is not what was once written.
        """
        new = self.work / "new"
        folders = {task: new / "shards" / name for task, name in self.folders.items()}
        for folder in folders.values():
            folder.mkdir(parents=True)
        built = State(self.entries, options=self.options, reader=key_of(self.reader))
        for split in sorted({entry.split for entry in self.entries if entry.result.rows}):
            entries = [e for e in self.entries if e.split == split and e.result.rows]
            if self._can_keep(split):
                spans = [self.old[entry.key].span for entry in entries]
                written = {task: self.before.shards[split][task] for task in folders}
                for folder, shard in self._shards(split):
                    _link(folder / shard.name, new / "shards" / folder.name / shard.name)
            else:
                self._check_sources(entries)
                written, spans = shards.write(map(self._groups, entries), folders, split)
            built.shards[split] = written
            for entry, span in zip(entries, spans, strict=True):
                entry.span = span
        self.spec.save(new)
        built.save(new / "state.json")
        new.rename(self.work / "ready")
        state.publish(self.out, self.cohort)

    def _can_keep(self, split: str) -> bool:
        """Return whether the shards of a split already hold the rows that are asked for."""
        entries = [entry for entry in self.entries if entry.split == split]
        return split in self.unchanged_splits and self.before.identities(split) == [
            entry.identity for entry in entries if not entry.result or entry.result.rows
        ]

    def _check_sources(self, entries: list[Entry]) -> None:
        """Check the bytes of all shards that rows of these recordings are taken from."""
        old = [self.old[entry.key] for entry in entries if entry.key in self.old]
        for split in sorted({entry.split for entry in old}):
            for folder, shard in self._shards(split):
                shards.check(folder, shard)

    def _groups(self, entry: Entry) -> Iterator[shards.Group]:
        """Return the row groups of a recording, from the corpus as it was or else its part."""
        if old := self.old.get(entry.key):
            tasks = self.before.shards[old.split]
            paths = {
                task: [self.out / folder / shard.name for shard in tasks[task]]
                for task, folder in self.folders.items()
            }
            return shards.from_shards(paths, old.span, entry.fold)
        part = self._part(entry)
        return shards.from_part(parts.read(part, part.name), entry.fold, list(self.folders))

    def discard(self, path: Path) -> None:
        """Stop using a damaged file: its recordings are drawn again."""
        self._report_damage(path)
        self.damaged.add(path)
        if path.parent == self.parts:
            path.unlink(missing_ok=True)
        state.remove(self.work / "new")
        for entry in self.entries:
            entry.result = entry.span = None
        self._find_results()

    def _report_damage(self, path: Path) -> None:
        print(f"{path}: damaged since it was written; drawn again", file=sys.stderr)


def _link(source: Path, target: Path) -> None:
    """Link a file into another folder, or copy it if the disk has no hard links."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
