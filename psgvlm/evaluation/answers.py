"""What contenders have answered so far: a night's rows of the table of predictions, a file each.

A run that is stopped leaves these parts in a folder, and the next start of the same run asks only
for what is missing. Several processes share a run through them: each answers for nights of its own,
and all read the whole. A part is written beside and renamed, so it is there whole or not at all.
"""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import CorpusNight


@dataclass(frozen=True)
class NightAnswers:
    """A night's rows of the table of predictions, and what they cost: figures by name."""

    frame: object
    cost: dict[str, float]


@dataclass
class Answers:
    """The parts of a run, in memory and, where there is an `out`, in a folder of files there.

    `run` tells one run from another (`psgvlm.evaluation.report.run_of`); the answers of another
    are neither
    used nor removed. `processes` is accelerate's `PartialState`, by default one process alone.
    """

    out: Path | None = None
    run: str = ""
    processes: object = None
    parts: dict[str, NightAnswers] = field(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        return self.out and self.out / f"answers-{self.run}"

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes what all have answered."""
        return self.processes is None or self.processes.is_main_process

    def share(self, nights: list[CorpusNight]) -> list[CorpusNight]:
        """The nights that this process answers for; the same at every start."""
        if self.processes is None:
            return nights
        return nights[self.processes.process_index :: self.processes.num_processes]

    def get(self, question: str, night: CorpusNight) -> NightAnswers | None:
        """The part of this night, `None` where nobody has answered yet, or what is there is none.

        `question` tells apart what a night was asked: the contender's name, and the damage.
        """
        key = self._key(question, night)
        if key not in self.parts and self.folder is not None:
            path = self.folder / f"{key}.parquet"
            if path.exists() and (found := _read(path, night.epochs.tolist())):
                self.parts[key] = found
        return self.parts.get(key)

    def put(self, question: str, night: CorpusNight, part: NightAnswers) -> None:
        key = self._key(question, night)
        self.parts[key] = part
        if self.folder is not None:
            _write(part, self.folder / f"{key}.parquet")

    def all(self, question: str, nights: list[CorpusNight]) -> list[NightAnswers]:
        """Every night's part, once all processes have answered for theirs."""
        if self.processes is not None:
            self.processes.wait_for_everyone()
        parts = [self.get(question, night) for night in nights]
        if None in parts:
            raise InputError(
                f"{self.folder}: no answer for {nights[parts.index(None)].name}, which another "
                "process has given; expected an --out that all machines of the run see"
            )
        return parts

    def remove(self) -> None:
        """Remove the files: the report holds the same rows."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _key(self, question: str, night: CorpusNight) -> str:
        text = json.dumps([self.run, question, night.name])
        return hashlib.sha256(text.encode()).hexdigest()[:24]


def _write(part: NightAnswers, path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(part.frame, preserve_index=False)
    metadata = {**table.schema.metadata, "cost": json.dumps(part.cost)}
    beside = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.replace_schema_metadata(metadata), beside, write_page_checksum=True)
        beside.replace(path)
    except OSError as error:
        raise InputError(
            f"{path.parent}: cannot be written to ({error}); expected room for a table of the "
            "answers: make some and start again, what is answered is kept"
        ) from error


def _read(path: Path, epochs: list[int]) -> NightAnswers | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True)
        part = NightAnswers(table.to_pandas(), json.loads(table.schema.metadata[b"cost"]))
        if part.frame["epoch"].tolist() != epochs:
            raise ValueError("it is of other epochs")
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        print(f"note: {path}: cannot be used ({' '.join(str(error).split())}); asking again")
        return None
    return part
