"""The checks of the rows of a corpus, one row after the other in the order they are stored."""

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
from psgvlm.images.pixels import png_pixel_hash
from psgvlm.stages import STAGES

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"  # the last chunk, which Pillow does not check
LABELS = (None, *range(len(STAGES)))
# What Pillow raises for a damaged PNG.
DAMAGE = (OSError, SyntaxError, ValueError, LookupError, EOFError, struct.error, zlib.error)


class Fault(NamedTuple):
    """Something wrong with a corpus.

    Parameters
    ----------
    kind : str
        The kind of fault.
    where : str
        The file or row.
    found : str
        What is there.
    expected : str
        What should be there.
    """

    kind: str
    where: str
    found: str
    expected: str

    def __str__(self):
        line = f"{self.where}: {self.found}; expected {self.expected}"
        return "".join(letter if letter.isprintable() else "?" for letter in line)


@dataclass
class RecordingRows:
    """What the shards of one configuration hold of a recording, so far.

    Parameters
    ----------
    split, subject : str
        Its split and its subject.
    fold : int or None
        Its fold.
    stages : Counter
        How many rows have each label.
    epoch : int
        The last epoch.
    onset_s : float
        The onset of the last epoch.
    digest : hash
        The digest of all its rows without prompt and completion.
    """

    split: str
    subject: str
    fold: int | None
    stages: Counter = field(default_factory=Counter)
    epoch: int = -1
    onset_s: float = -math.inf
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)


class RowChecks:
    """Checks rows, and remembers what they say about subjects and recordings."""

    def __init__(self, spec: ImageSpec | None):
        self.spec = spec
        self.split_of: dict[tuple[str, str], str] = {}  # by cohort and subject
        self.recordings: dict[tuple[str, str], RecordingRows] = {}  # by configuration and name
        self.last: tuple[str, str] | None = None

    def check(self, config: str, split: str, shard: str, first: int, batch) -> Iterator[Fault]:
        """Yield the faults of an Arrow batch; its first row has the number `first` in its shard."""
        rows = batch.to_pylist()
        with ThreadPoolExecutor() as pool:  # Pillow releases Python's lock while it decodes
            faults = list(pool.map(self._image_fault_of, rows))
        for number, (row, fault) in enumerate(zip(rows, faults, strict=True), start=first):
            where = f"{shard}, row {number}, {row['recording']} epoch {row['epoch']}"
            if fault:
                yield Fault("image", where, *fault)
            yield from self._label_faults(config, where, row)
            yield from self._place_faults(config, split, where, row)

    def _image_fault_of(self, row: dict) -> tuple[str, str] | None:
        return self.image_fault(row["images"], row["pixels"])

    def image_fault(self, images: list[dict] | None, pixels: str | None) -> tuple[str, str] | None:
        """Return what was found and expected unless the images are one with this pixel hash."""
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
                image.verify()  # the checksums of the chunks
            found = png_pixel_hash(pngs[0])
        except UnidentifiedImageError:
            return "no PNG", "an image"
        except (*DAMAGE, Image.DecompressionBombError) as error:
            return f"an image that cannot be decoded ({error})", "a whole PNG"
        if not pngs[0].endswith(PNG_END):
            return "an image without its end", "a whole PNG"
        if found != pixels:
            return f"an image with the pixel hash {found}", f"{pixels}, as in the column pixels"
        return None

    def _label_faults(self, config: str, where: str, row: dict) -> Iterator[Fault]:
        """Check the stages, the lanes, the prompt and the answer."""
        for name in ("stage", "stage_2"):
            if row[name] not in LABELS:
                yield Fault("label", where, f"{name} {row[name]}", "0 to 4, or none")
        if not _are_votes(row.get("votes")):
            found = f"votes {row['votes']}"[:100]
            yield Fault("label", where, found, "five shares that sum to 1, or none")
        lanes = row["lanes"] or []
        if self.spec and not set(lanes) <= set(self.spec.lanes):
            yield Fault("lanes", where, f"lanes {lanes}", f"some of {', '.join(self.spec.lanes)}")
        _, task = chat.cohort_and_task(config)
        question = chat.TASKS[task] or (self.spec and self.spec.prompt)
        if question and row["prompt"] != chat.prompt(question):
            whose = f"{self.spec.name}'s image spec" if task == "staging" else task
            yield Fault("prompt", where, "another prompt", f"that of {whose}")
        if row["stage"] in LABELS and (wanted := _expected_answer(task, row)):
            answer = [part["text"] for m in row["completion"] or () for part in m["content"]]
            yield Fault("answer", where, f"the answer {answer}"[:200], wanted)

    def _place_faults(self, config: str, split: str, where: str, row: dict) -> Iterator[Fault]:
        """Check cohort, subject, recording, epoch and onset."""
        cohort, subject, recording, epoch = (
            row[name] for name in ("cohort", "subject", "recording", "epoch")
        )
        if None in (cohort, subject, recording, epoch, row["onset"]):
            yield Fault("place", where, "a row without its place", "subject, recording, epoch")
            return
        if cohort != chat.cohort_and_task(config)[0]:
            yield Fault("place", where, f"cohort {cohort}", f"that of configuration {config}")
        other = self.split_of.setdefault((cohort, subject), split)
        key = (config, recording)
        is_new = key not in self.recordings
        before = self.recordings.setdefault(key, RecordingRows(split, subject, row["fold"]))
        if other != split and (is_new or key != self.last):
            found = f"subject {subject} in the splits {other} and {split}"
            yield Fault("subject", where, found, "each subject in one")
        if (before.subject, before.fold) != (subject, row["fold"]):
            found = f"subject {subject}, fold {row['fold']}"
            yield Fault("place", where, found, f"{before.subject}, {before.fold}, as before")
        if not is_new and key != self.last:
            yield Fault("order", where, f"{recording} once more", "its epochs in one piece")
        if epoch <= before.epoch:
            yield Fault("order", where, f"epoch {epoch} after {before.epoch}", "ascending epochs")
        elif not before.onset_s < row["onset"] < math.inf:
            found = f"onset {row['onset']:g} s after {before.onset_s:g} s"
            yield Fault("order", where, found, "ascending onsets")
        before.stages[row["stage"]] += 1
        before.epoch, before.onset_s = epoch, row["onset"]
        common = {name: row[name] for name in row if name not in ("prompt", "completion")}
        before.digest.update(repr(common).encode())
        self.last = key

    def differences(self) -> Iterator[Fault]:
        """Yield the recordings that are not the same in all configurations of their cohort."""
        first: dict[str, str] = {}
        for config in sorted({config for config, _ in self.recordings}):
            first.setdefault(chat.cohort_and_task(config)[0], config)
        for (config, recording), rows in self.recordings.items():
            other = first[chat.cohort_and_task(config)[0]]
            theirs = self.recordings.get((other, recording))
            if theirs and theirs.digest.digest() != rows.digest.digest():
                found = "other rows or images"
                yield Fault("task", f"{config}, {recording}", found, f"those of {other}")


def _are_votes(votes: list[float] | None) -> bool:
    """Return whether these are shares of the scorers for the five stages, or none."""
    if votes is None:
        return True
    known = [share for share in votes if share is not None and 0 <= share <= 1]
    return len(votes) == len(known) == len(STAGES) and abs(sum(known) - 1) < 1e-4


def _expected_answer(task: str, row: dict) -> str | None:
    """Return what the answer of a row should be if it is wrong, else `None`."""
    stage = None if row["stage"] is None else STAGES[row["stage"]]
    if task == "staging":
        return None if row["completion"] == chat.completion(stage) else f"the stage, {stage}"
    texts = [part["text"] or "" for m in row["completion"] or () for part in m["content"]]
    if row["completion"] != chat.completion("".join(texts)):
        return "one answer, in text"
    if task == "rationale":
        last = "" if stage is None else last_line(stage)
        right = "".join(texts).rpartition("\n")[2] == last
        return None if right else f"reasons for the stage, {stage}, and it at the end"
    try:
        read_perception("".join(texts))
    except ValueError:
        return "what psgvlm.chat.perception writes"
    return None
