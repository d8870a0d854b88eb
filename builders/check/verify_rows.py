"""What the rows of a corpus must be, checked one after the other in the order they are stored."""

import hashlib
import io
import math
import struct
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from psgvlm import chat
from psgvlm.chat.perception import read_perception
from psgvlm.chat.rationale import last_line
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import STAGES

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"  # its last chunk, which Pillow does not check
LABELS = (None, *range(len(STAGES)))
# What Pillow raises for a damaged PNG.
DAMAGE = (OSError, SyntaxError, ValueError, LookupError, EOFError, struct.error, zlib.error)


class Fault(NamedTuple):
    """What is wrong with a corpus: of what kind, where, what was found and what was expected."""

    kind: str
    where: str
    found: str
    expected: str

    def __str__(self):
        line = f"{self.where}: {self.found}; expected {self.expected}"
        return "".join(letter if letter.isprintable() else "?" for letter in line)


@dataclass
class Held:
    """What the shards of one configuration hold of a recording.

    `digest` is over all of its rows but for question and answer.
    """

    split: str
    subject: str
    fold: int | None
    stages: Counter = field(default_factory=Counter)  # labels as stored
    epoch: int = -1  # the last one
    onset_s: float = -math.inf
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class Rows:
    """Rows checked so far, and what they say of subjects and recordings."""

    def __init__(self, spec: ImageSpec | None):
        self.spec = spec
        self.splits: dict[tuple[str, str], str] = {}  # of each cohort's subjects
        self.recordings: dict[tuple[str, str], Held] = {}  # by configuration and name
        self.last: tuple[str, str] | None = None

    def check(self, config: str, split: str, shard: str, first: int, batch) -> Iterator[Fault]:
        """The faults of an Arrow batch of the corpus' schema, whose first row is number `first`."""
        rows = batch.to_pylist()
        with ThreadPoolExecutor() as pool:  # Pillow decodes outside Python's lock
            told = list(pool.map(self.image_fault, [row["images"] for row in rows]))
        for number, (row, fault) in enumerate(zip(rows, told, strict=True), start=first):
            where = f"{shard}, row {number}, {row['recording']} epoch {row['epoch']}"
            if fault:
                yield Fault("image", where, *fault)
            yield from self._labels(config, where, row)
            yield from self._place(config, split, where, row)

    def image_fault(self, images: list[dict] | None) -> tuple[str, str] | None:
        """What was found and expected, where a row's images are not one whole picture."""
        from PIL import Image, UnidentifiedImageError

        pngs = [image["bytes"] for image in images or () if image and image["bytes"]]
        if len(pngs) != 1 or len(images) != 1:
            return f"{len(pngs)} images", "one, in bytes"
        try:
            with Image.open(io.BytesIO(pngs[0]), formats=["PNG"]) as image:
                size, mode = image.size, image.mode
                if self.spec and size != self.spec.size:
                    wanted = "{} x {} pixels, as image_spec.json says".format(*self.spec.size)
                    return "an image of {} x {} pixels".format(*size), wanted
                if mode not in ("RGB", "P"):
                    return f"an image of mode {mode}", "RGB or a palette"
                image.verify()  # the chunks' checksums
            with Image.open(io.BytesIO(pngs[0]), formats=["PNG"]) as image:
                image.load()
        except UnidentifiedImageError:
            return "no PNG", "an image"
        except (*DAMAGE, Image.DecompressionBombError) as error:
            return f"an image that cannot be decoded ({error})", "a whole PNG"
        if not pngs[0].endswith(PNG_END):
            return "an image without its end", "a whole PNG"
        return None

    def _labels(self, config: str, where: str, row: dict) -> Iterator[Fault]:
        """The stage, and the conversation about it."""
        for name in ("stage", "stage_2"):
            if row[name] not in LABELS:
                yield Fault("label", where, f"{name} {row[name]}", "0 to 4, or none")
        lanes = row["lanes"] or []
        if self.spec and not set(lanes) <= set(self.spec.lanes):
            yield Fault("lanes", where, f"lanes {lanes}", f"some of {', '.join(self.spec.lanes)}")
        _, task = chat.cohort_and_task(config)
        asked = chat.TASKS[task] or (self.spec and self.spec.prompt)
        if asked and row["prompt"] != chat.prompt(asked):
            whose = f"{self.spec.name}'s image spec" if task == "staging" else task
            yield Fault("prompt", where, "another prompt", f"that of {whose}")
        if row["stage"] in LABELS and (wanted := _wrong_answer(task, row)):
            said = [part["text"] for m in row["completion"] or () for part in m["content"]]
            yield Fault("answer", where, f"the answer {said}"[:200], wanted)

    def _place(self, config: str, split: str, where: str, row: dict) -> Iterator[Fault]:
        """Cohort, subject, recording and epoch."""
        cohort, subject, recording, epoch = (
            row[name] for name in ("cohort", "subject", "recording", "epoch")
        )
        if None in (cohort, subject, recording, epoch, row["onset"]):
            yield Fault("place", where, "a row without its place", "subject, recording, epoch")
            return
        if cohort != chat.cohort_and_task(config)[0]:
            yield Fault("place", where, f"cohort {cohort}", f"that of configuration {config}")
        other = self.splits.setdefault((cohort, subject), split)
        key = (config, recording)
        begins = key not in self.recordings
        held = self.recordings.setdefault(key, Held(split, subject, row["fold"]))
        if other != split and (begins or key != self.last):
            found = f"subject {subject} in the splits {other} and {split}"
            yield Fault("subject", where, found, "each subject in one")
        if (held.subject, held.fold) != (subject, row["fold"]):
            found = f"subject {subject}, fold {row['fold']}"
            yield Fault("place", where, found, f"{held.subject}, {held.fold}, as before")
        if not begins and key != self.last:
            yield Fault("order", where, f"{recording} once more", "its epochs in one piece")
        if epoch <= held.epoch:
            yield Fault("order", where, f"epoch {epoch} after {held.epoch}", "ascending epochs")
        elif not held.onset_s < row["onset"] < math.inf:
            found = f"onset {row['onset']:g} s after {held.onset_s:g} s"
            yield Fault("order", where, found, "ascending onsets")
        held.stages[row["stage"]] += 1
        held.epoch, held.onset_s = epoch, row["onset"]
        kept = {name: value for name, value in row.items() if name not in ("prompt", "completion")}
        held.digest.update(repr(kept).encode())
        self.last = key

    def differences(self) -> Iterator[Fault]:
        """Recordings that are not the same in all configurations of their cohort."""
        first: dict[str, str] = {}
        for config in sorted({config for config, _ in self.recordings}):
            first.setdefault(chat.cohort_and_task(config)[0], config)
        for (config, recording), held in self.recordings.items():
            other = first[chat.cohort_and_task(config)[0]]
            theirs = self.recordings.get((other, recording))
            if theirs and theirs.digest.digest() != held.digest.digest():
                found = "other rows or images"
                yield Fault("task", f"{config}, {recording}", found, f"those of {other}")


def _wrong_answer(task: str, row: dict) -> str | None:
    """What an answer should be, where it is not."""
    stage = None if row["stage"] is None else STAGES[row["stage"]]
    if task == "staging":
        return None if row["completion"] == chat.completion(stage) else f"the stage, {stage}"
    said = [part["text"] or "" for m in row["completion"] or () for part in m["content"]]
    if row["completion"] != chat.completion("".join(said)):
        return "one answer, in text"
    if task == "rationale":
        last = "" if stage is None else last_line(stage)
        right = "".join(said).rpartition("\n")[2] == last
        return None if right else f"reasons for the stage, {stage}, and it at the end"
    try:
        read_perception("".join(said))
    except ValueError:
        return "what psgvlm.chat.perception writes"
    return None
