"""The progress of a build, and whether the disk has room for the rest of it."""

import shutil
import sys
import time
from pathlib import Path

from psgvlm.builders.build.parts import Result

from psgvlm.corpus.manifest import BUILT
from psgvlm.errors import InputError

LINE_S = 60
LEAST_KNOWN = 3  # recordings that have to be drawn before the size of the others is estimated


class Progress:
    """Count the recordings of a cohort as they are drawn, and print how many on stderr.

    A terminal gets a progress bar, a file one line a minute. This is a context manager.
    """

    def __init__(self, cohort: str, before: list[Result], total: int):
        from tqdm import tqdm

        self.cohort, self.total, self.done = cohort, total, len(before)
        self.skipped = sum(result.status != BUILT for result in before)
        self.images = self.drawn = 0
        self.start = self.last_line = time.monotonic()
        self.bar = None
        if sys.stderr.isatty():
            self.bar = tqdm(total=total, initial=self.done, unit="recording", desc=cohort)

    def add(self, result: Result) -> None:
        """Count one more recording."""
        self.done += 1
        self.drawn += 1
        self.images += result.rows
        self.skipped += result.status != BUILT
        if self.bar:
            self.bar.set_postfix_str(f"{self._images_per_s():.0f} images/s, {self.skipped} skipped")
            self.bar.update()
        elif time.monotonic() - self.last_line >= LINE_S:
            self._print_line()

    def _images_per_s(self) -> float:
        return self.images / max(time.monotonic() - self.start, 1e-3)

    def _print_line(self) -> None:
        self.last_line = time.monotonic()
        text = f"{self.cohort}: {self.done} of {self.total} recordings, "
        if self.drawn:
            left_s = (self.last_line - self.start) / self.drawn * (self.total - self.done)
            hours, minutes = divmod(round(left_s / 60), 60)
            text += f"{self._images_per_s():.0f} images/s, {hours} h {minutes:02d} min left, "
        print(f"{text}{self.skipped} skipped", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_) -> None:
        if self.bar:
            self.bar.close()
        else:
            self._print_line()


class DiskRoom:
    """Estimate the bytes that a build still needs on the disk, for parts and then for shards.

    Parameters
    ----------
    out : Path
        The corpus.
    sizes : list of int
        Bytes of the pictures of each recording that has been drawn.
    shard_bytes : int
        How many of these bytes the build will write into new shards.
    missing : int
        Recordings that are not drawn yet.
    tasks : int
        How many times a picture is written into shards: once for each task.
    """

    def __init__(self, out: Path, sizes: list[int], shard_bytes: int, missing: int, tasks: int):
        self.out, self.shard_bytes, self.missing, self.tasks = out, shard_bytes, missing, tasks
        self.known_bytes, self.known = sum(sizes), len(sizes)

    def add(self, size: int) -> None:
        """Count a recording as drawn. Raise `InputError` if the rest will not fit on the disk."""
        self.known_bytes += size
        self.known += 1
        self.shard_bytes += size
        self.missing -= 1
        self.check()

    def check(self) -> None:
        """Raise `InputError` if what is left to write will not fit on the disk."""
        if self.known < LEAST_KNOWN and self.missing:
            return
        rest = self.missing * self.known_bytes / max(self.known, 1)
        need = 1.02 * (rest + self.tasks * (rest + self.shard_bytes))  # Parquet adds a little
        free = shutil.disk_usage(self.out).free
        if need > free:
            raise InputError(
                f"{self.out}: the build needs about {need / 1e9:.3g} GB more, {free / 1e9:.3g} GB "
                "are free; expected room for all parts and shards at once: free some, or write to "
                "another disk; what was drawn is kept",
                parameter="out",
            )
