"""What one visitor has: a recording in a folder of its own, its lanes, and its staged night.

Nothing here depends on the web. A recording is stored under a neutral name because file names may
name people; the visitor is shown the name that the file came with.
"""

import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from PIL import Image

from psgvlm.errors import InputError
from psgvlm.explanations import Explanation, explain
from psgvlm.nights import Night, choose_lanes
from psgvlm.recordings import Recording, find_lanes
from psgvlm.staging import night_files, sleep_statistics
from psgvlm.staging.lights import Lights
from psgvlm.staging.staged_night import REVIEW_UNDER, StagedNight
from psgvlm.staging.stager import Stager

ABANDONED_S = 3600  # an upload that is older was broken off


class Session:
    """A visitor's recording and what was made of it; `end` deletes everything.

    `row` is the epoch that the visitor looks at, as a row of `night.epochs`. `example` writes an
    example recording into a folder and returns its path; it is None if the page offers none.
    Methods raise InputError; `message` turns it into a line for the visitor.
    """

    def __init__(self, stager: Stager, folder: Path, example: Callable[[Path], Path] | None = None):
        self.stager, self.example = stager, example
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.path: Path | None = None
        self.display_name = ""
        self.labels: tuple[str, ...] = ()
        self._sources: dict[str, str] = {}
        self.night: Night | None = None
        self.staged: StagedNight | None = None
        self.row = 0
        self._explained: tuple[tuple[Night, int], Explanation] | None = None

    def take_recording(self, path: Path, display_name: str) -> None:
        """Move a recording here, replacing any earlier one, and read its labels."""
        self._discard_recording()
        self.path = self.folder / "recording.edf"
        self.display_name = display_name
        shutil.move(path, self.path)
        recording = Recording(self.path, gaps=True)
        self.labels = recording.labels
        self._sources = self._default_sources(recording)

    def take_example(self) -> None:
        """Take the example recording, which is written for this visitor."""
        if self.example is None:
            raise InputError("this page has no example recording; upload a recording")
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            self.take_recording(self.example(Path(folder)), "simulated night.edf")

    def sources(self) -> dict[str, str]:
        """Return the signal that fills each lane by default; an empty text if none does."""
        return self._sources

    def _default_sources(self, recording: Recording) -> dict[str, str]:
        """Choose the lanes as `Night` does; by the labels alone if the signals cannot be read."""
        spec = self.stager.spec
        try:
            chosen, _ = choose_lanes(recording, spec)
        except InputError:
            chosen = find_lanes(recording.labels, spec.montage)
        pairs = zip(chosen.lanes, chosen.sources, strict=True)
        return {lane.name: str(source or "") for lane, source in pairs}

    def open(self, chosen: Mapping[str, str] | None = None) -> Night:
        """Open the night with the lanes that the visitor chose.

        `chosen` maps lanes to `"label"` or `"label - label"`. A lane that is missing or empty in it
        is filled by the montage.
        """
        self.night = self.staged = None
        if self.path is None:
            raise InputError("the recording is not here any more; upload it again")
        by_default = self.sources()
        unusual = {k: v for k, v in (chosen or {}).items() if v and v != by_default[k]}
        text = ",".join(f"{lane}={self._exactly(source)}" for lane, source in unusual.items())
        self.night = self.stager.open(self.path, text)
        return self.night

    def _exactly(self, source: str) -> str:
        """Return a source for a map, in which `EMG` alone would be the best of all so labelled."""
        several = {label for label in self.labels if f"{label}#2" in self.labels}
        parts = [source] if source in self.labels else source.split(" - ")
        return " - ".join(f"{part}#1" if part in several else part for part in parts)

    def stage(self, progress: Callable[[int, int], None]) -> bool:
        """Stage the night.

        Return False if the visitor meanwhile chose another recording or other lanes, or left.
        """
        night = self._opened_night()

        def stop_if_superseded(done: int, epochs: int) -> None:
            if self.night is not night:
                raise _Superseded
            progress(done, epochs)

        try:
            staged = self.stager.stage(night, stop_if_superseded)
        except (_Superseded, InputError, OSError):
            if self.night is night:
                raise
            return False  # the recording may have been deleted
        self.staged = replace(staged, name=self.display_name)
        self.row = int(staged.confidence.argmin())  # the least probable epoch deserves a look
        return True

    def go_to(self, row: int) -> None:
        """Look at another epoch; a row beyond the ends means the first or the last one."""
        self.row = min(max(row, 0), len(self._staged_night().epochs) - 1)

    def go_to_next_for_review(self) -> bool:
        """Look at the next epoch for review, or the first after the last; False if none is left."""
        rows = sorted(self._staged_night().rows_for_review(REVIEW_UNDER).tolist())
        if rows:
            self.row = next((row for row in rows if row > self.row), rows[0])
        return bool(rows)

    def correct(self, stage: str) -> None:
        """Set the stage of the epoch that the visitor looks at."""
        staged = self._staged_night()
        self.staged = staged.corrected(int(staged.epochs[self.row]) + 1, stage)

    def picture(self, row: int) -> Image.Image:
        """Return an epoch's image as the model sees it."""
        return next(self._opened_night().pictures([row]))

    def explain(self) -> Explanation:
        """Explain why the model gave its stage to the epoch that the visitor looks at."""
        row, night = self.row, self._opened_night()
        if self._explained is None or self._explained[0] != (night, row):
            images = next(night.pictures_with_neighbours(self.stager.neighbours, row, row + 1))
            self._explained = (night, row), explain(self.stager.model, images)
        return self._explained[1]

    def downloads(self) -> dict[str, tuple[str, bytes]]:
        """Return the hypnogram as it stands now: by file name, what the file is and its content."""
        staged, stem = self._staged_night(), Path(self.display_name).stem
        edf = night_files.edf_bytes(staged, Lights(0.0, staged.duration_s))
        return {
            f"{stem} hypnogram.edf": ("EDF+ annotations", edf),
            f"{stem} hypnogram.csv": ("CSV", night_files.csv_text(staged).encode()),
        }

    def statistics(self) -> dict[str, float]:
        """Return the sleep statistics of the whole recording, see `main_statistics`."""
        return sleep_statistics.main_statistics(self._staged_night().stages_on_grid())

    def message(self, error: InputError | OSError) -> str:
        """Return an error as a line that calls the recording by the name the visitor knows."""
        text = str(error)
        if isinstance(error, OSError):
            text = f"{self.display_name or 'recording'}: {error.strerror}"
        if self.path is not None:
            text = text.replace(str(self.path), self.display_name)
        return " ".join(text.split())

    def end(self) -> None:
        """Delete everything that the visitor has."""
        self._discard_recording()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _discard_recording(self) -> None:
        self.night = self.staged = self._explained = None
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.path, self.display_name, self.labels, self.row = None, "", (), 0
        self._sources = {}

    def _opened_night(self) -> Night:
        if self.night is None:
            raise InputError("no recording is open here; upload one that can be staged")
        return self.night

    def _staged_night(self) -> StagedNight:
        if self.staged is None:
            raise InputError("no night is staged here; stage it first")
        return self.staged


class _Superseded(Exception):
    """Nobody waits for the night any more."""


class Sessions:
    """The sessions of everyone who has the page open, by the browser's session key.

    All their files lie in one folder. Its subfolder `arriving` receives uploads until a session
    takes them.
    """

    def __init__(self, stager: Stager, folder: Path, example: Callable[[Path], Path] | None = None):
        self.stager, self.folder, self.example = stager, folder, example
        self.arriving = folder / "arriving"
        self.arriving.mkdir()
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def get(self, key: str) -> Session:
        """Return a visitor's session; the first call for a key begins it."""
        with self._lock:
            if key not in self._open:
                self._open[key] = Session(self.stager, self.folder, self.example)
            return self._open[key]

    def end(self, key: str) -> None:
        """Delete what a visitor has, and uploads that nobody took.

        These are uploads older than `ABANDONED_S`, or all of them once no visitor is left.
        """
        with self._lock:
            session = self._open.pop(key, None)
            least_age_s = ABANDONED_S if self._open else 0
            for path in self.arriving.iterdir():
                with suppress(FileNotFoundError):  # a session takes the upload at this moment
                    if time.time() - path.stat().st_mtime >= least_age_s:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if session:
            session.end()
