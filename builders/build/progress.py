"""How far a build is, as a bar or as a line a minute; whether the disk has room for the rest."""

import shutil
import sys
import time
from pathlib import Path

from psgvlm.builders.build.parts import Result

from psgvlm.corpus.manifest import BUILT
from psgvlm.errors import InputError

LINE_S = 60
FEW = 3  # recordings from which the others are estimated


class Progress:
    """Counts recordings as they are done, and says so on stderr. A context manager."""

    def __init__(self, cohort: str, before: list[Result], total: int):
        from tqdm import tqdm

        self.cohort, self.total, self.done = cohort, total, len(before)
        self.skipped = sum(result.status != BUILT for result in before)
        self.images = self.drawn = 0
        self.start = self.said = time.monotonic()
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, initial=self.done, unit="recording", desc=cohort)

    def add(self, result: Result) -> None:
        self.done += 1
        self.drawn += 1
        self.images += result.rows
        self.skipped += result.status != BUILT
        if self.bar:
            self.bar.set_postfix_str(f"{self._rate():.0f} images/s, {self.skipped} skipped")
            self.bar.update()
        elif time.monotonic() - self.said >= LINE_S:
            self._say()

    def _rate(self) -> float:
        return self.images / max(time.monotonic() - self.start, 1e-3)

    def _say(self) -> None:
        self.said = time.monotonic()
        text = f"{self.cohort}: {self.done} of {self.total} recordings, "
        if self.drawn:
            left_s = (self.said - self.start) / self.drawn * (self.total - self.done)
            hours, minutes = divmod(round(left_s / 60), 60)
            text += f"{self._rate():.0f} images/s, {hours} h {minutes:02d} min left, "
        print(f"{text}{self.skipped} skipped", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if self.bar:
            self.bar.close()
        else:
            self._say()


class Room:
    """What a build will still need on the disk of `out`: parts, and then the shards made of them.

    `sizes` are the bytes of the pictures of recordings done, `shard_bytes` those of them that are
    to be written into shards, `missing` the recordings to be drawn, and `tasks` how many times a
    picture is written into shards.
    """

    def __init__(self, out: Path, sizes: list[int], shard_bytes: int, missing: int, tasks: int):
        self.out, self.shard_bytes, self.missing, self.tasks = out, shard_bytes, missing, tasks
        self.known_bytes, self.known = sum(sizes), len(sizes)

    def add(self, size: int) -> None:
        """A recording was drawn. `InputError` where the rest will not fit."""
        self.known_bytes += size
        self.known += 1
        self.shard_bytes += size
        self.missing -= 1
        self.check()

    def check(self) -> None:
        if self.known < FEW and self.missing:
            return
        rest = self.missing * self.known_bytes / max(self.known, 1)
        need = 1.02 * (rest + self.tasks * (rest + self.shard_bytes))  # Parquet adds a little
        free = shutil.disk_usage(self.out).free
        if need > free:
            raise InputError(
                f"{self.out}: the build needs about {need / 1e9:.3g} GB more, {free / 1e9:.3g} GB "
                "are free; expected room for parts and shards while the latter are written: free "
                "some, or choose another --out; what was drawn is kept"
            )
