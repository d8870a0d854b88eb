"""Keep the answers of contenders, one night per file, until the report is written.

A run that is stopped leaves these files in a folder. The next start of the same run asks only for
the nights that are missing. Several processes share a run through the same folder: each answers
for its own nights, and all read every night.
"""

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path

from psgvlm import files
from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import CorpusNight


@dataclass(frozen=True)
class NightAnswers:
    """One contender's answers to one night.

    Attributes
    ----------
    frame : pandas.DataFrame
        The night's rows of the table of predictions.
    cost : dict of str to float
        What the answers cost, such as `seconds` and `peak_memory_gib`.
    """

    frame: object
    cost: dict[str, float]


@dataclass
class AnswerStore:
    """The answers of one run, in memory and, if a folder is given, in files.

    Parameters
    ----------
    out : Path, optional
        The folder of the report. Answers are kept in a folder inside it. Default: memory only.
    run : str
        The identity of the run (see `psgvlm.evaluation.report.run_id`). Answers of other runs are
        neither used nor removed.
    processes : accelerate.PartialState, optional
        The processes that share the run. Default: this process is alone.
    """

    out: Path | None = None
    run: str = ""
    processes: object = None
    parts: dict[str, NightAnswers] = field(default_factory=dict)

    @property
    def folder(self) -> Path | None:
        """The folder of the answer files; `None` if answers are kept in memory only."""
        return self.out and self.out / f"answers-{self.run}"

    @property
    def is_main(self) -> bool:
        """Whether this process writes the report."""
        return self.processes is None or self.processes.is_main_process

    def own_nights(self, nights: list[CorpusNight]) -> list[CorpusNight]:
        """Return the nights that this process answers for; every start gives the same nights."""
        if self.processes is None:
            return nights
        return nights[self.processes.process_index :: self.processes.num_processes]

    def get(self, question: str, night: CorpusNight) -> NightAnswers | None:
        """Return the stored answers of a night.

        `question` says what was asked about the night: the contender's name and, if any, the
        damage. Return `None` if there are no stored answers, or if the stored file cannot be used.
        """
        key = self._key(question, night)
        if key not in self.parts and self.folder is not None:
            path = self.folder / f"{key}.parquet"
            if path.exists() and (part := _read(path, night.epochs.tolist())):
                self.parts[key] = part
        return self.parts.get(key)

    def put(self, question: str, night: CorpusNight, part: NightAnswers) -> None:
        """Store the answers of a night."""
        key = self._key(question, night)
        self.parts[key] = part
        if self.folder is not None:
            _write(part, self.folder / f"{key}.parquet")

    def all(self, question: str, nights: list[CorpusNight]) -> list[NightAnswers]:
        """Wait until every process has answered for its nights, then return every night's answers.

        Raises `InputError` if an answer of another process is not in the folder.
        """
        if self.processes is not None:
            self.processes.wait_for_everyone()
        parts = [self.get(question, night) for night in nights]
        if None in parts:
            raise InputError(
                f"{self.folder}: no answers for {nights[parts.index(None)].name}, which another "
                "process has staged; expected a folder that every machine of the run can read",
                "out",
            )
        return parts

    def remove(self) -> None:
        """Remove the answer files, since the report holds the same rows."""
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
    table = table.replace_schema_metadata(metadata)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with files.replacing(path) as new:
            pq.write_table(table, new, write_page_checksum=True)
    except OSError as error:
        raise InputError(
            f"{path.parent}: cannot write the answers of a night ({error}); make room or choose "
            "another folder, then start again: the nights answered so far are kept",
            "out",
        ) from error


def _read(path: Path, epochs: list[int]) -> NightAnswers | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(path, page_checksum_verification=True)
        part = NightAnswers(table.to_pandas(), json.loads(table.schema.metadata[b"cost"]))
        if part.frame["epoch"].tolist() != epochs:
            raise ValueError("it holds other epochs")
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())
        print(f"note: {path}: cannot be used ({reason}); the night is staged again")
        return None
    return part
