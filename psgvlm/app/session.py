"""What one visitor has: a recording in a folder of its own, its lanes, its staged night.

Nothing here knows of the web. A recording is kept under a name that says nothing, as names of files
may name people; the visitor is shown the name that it came with.
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
from psgvlm.recordings import lanes
from psgvlm.recordings.recording import Recording
from psgvlm.staging import night_files, sleep_statistics
from psgvlm.staging.lights import Lights
from psgvlm.staging.stager import Night, StagedNight, Stager

EXAMPLE_H = 2.0  # long enough for every stage
REVIEW_UNDER = 0.6  # as stage.py
ABANDONED_S = 3600  # an upload that takes longer, or was broken off


class Session:
    """A visitor's recording and what became of it; `end` deletes it.

    `row` is the epoch looked at, a row of `night.epochs`. Methods raise `InputError`, whose text
    `told` makes fit for the visitor.
    """

    def __init__(self, stager: Stager, folder: Path):
        self.stager = stager
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.path: Path | None = None
        self.shown = ""
        self.labels: tuple[str, ...] = ()
        self.night: Night | None = None
        self.staged: StagedNight | None = None
        self.row = 0
        self._explained: tuple[tuple[Night, int], Explanation] | None = None

    def take(self, path: Path, shown: str) -> None:
        """Move a recording here, in the place of one before, and read its labels."""
        self._forget()
        self.path = self.folder / "recording.edf"
        self.shown = shown
        shutil.move(path, self.path)
        self.labels = Recording(self.path, gaps=True).labels

    def simulate(self) -> None:
        """Take a simulated recording, made for the occasion."""
        # The page is a script: it may stand on the builders, as the library may not.
        from psgvlm.builders.simulate import write_recording

        with tempfile.TemporaryDirectory(dir=self.folder) as made:
            write_recording("mass", made, EXAMPLE_H, 1, 0)  # it has all lanes there are
            self.take(next(Path(made).rglob("* PSG.edf")), "simulated night.edf")

    def sources(self) -> dict[str, str]:
        """What fills each lane if nobody says otherwise; empty text where nothing does."""
        found = lanes.find_lanes(self.labels, self.stager.spec.montage)
        pairs = zip(found.lanes, found.sources, strict=True)
        return {lane.name: str(source or "") for lane, source in pairs}

    def open(self, chosen: Mapping[str, str] | None = None) -> Night:
        """The night, its lanes filled as the visitor says: `{lane: "label"}` or `"label - label"`.

        Lanes left out, or left empty, are found by the montage.
        """
        self.night = self.staged = None
        if self.path is None:
            raise InputError("no recording here any more; expected one: take it again")
        automatic = self.sources()
        unusual = {k: v for k, v in (chosen or {}).items() if v and v != automatic[k]}
        text = ",".join(f"{lane}={source}" for lane, source in unusual.items())
        self.night = self.stager.open(self.path, text)
        return self.night

    def stage(self, progress: Callable[[int, int], None]) -> bool:
        """Stage the night; False where another recording, or lane, or the end came in between."""
        night = self._opened()

        def told(done: int, epochs: int) -> None:
            if self.night is not night:
                raise _Abandoned
            progress(done, epochs)

        try:
            staged = self.stager.stage(night, told)
        except (_Abandoned, InputError, OSError):
            if self.night is night:
                raise
            return False  # its file may be gone
        self.staged = replace(staged, name=self.shown)
        self.row = int(staged.unsure(1.1)[0])  # the least sure, which is worth a look
        return True

    def choose(self, row: int) -> None:
        """Look at another epoch; beyond the ends, at the last one there."""
        self.row = min(max(row, 0), len(self._done().epochs) - 1)

    def next_unsure(self) -> bool:
        """Go to the next epoch to be reviewed, from the beginning again after the last."""
        rows = sorted(self._done().unsure(REVIEW_UNDER).tolist())
        if rows:
            self.row = next((row for row in rows if row > self.row), rows[0])
        return bool(rows)

    def correct(self, stage: str) -> None:
        """Give the epoch looked at the visitor's stage."""
        staged = self._done()
        self.staged = staged.corrected(int(staged.epochs[self.row]), stage)

    def picture(self, row: int) -> Image.Image:
        """An epoch as the model sees it."""
        return next(self._opened().pictures([row]))

    def explain(self) -> Explanation:
        """Why the model gave the epoch looked at its stage."""
        row, night = self.row, self._opened()
        if self._explained is None or self._explained[0] != (night, row):
            images = next(night.shown(self.stager.neighbours, row, row + 1))
            self._explained = (night, row), explain(self.stager.model, images)
        return self._explained[1]

    def files(self) -> dict[str, tuple[str, bytes]]:
        """The hypnogram as it stands now, to be downloaded: what it is, by name of file."""
        staged, stem = self._done(), Path(self.shown).stem
        lights = Lights(0.0, staged.duration_s)
        with tempfile.TemporaryDirectory(dir=self.folder) as made:
            path = Path(made) / "hypnogram.edf"
            night_files.write_edf(path, staged, lights)
            edf = path.read_bytes()
        return {
            f"{stem} hypnogram.edf": ("EDF+ annotations", edf),
            f"{stem} hypnogram.csv": ("CSV", night_files.csv_text(staged).encode()),
        }

    def statistics(self) -> dict[str, float]:
        """Sleep statistics of the whole recording, by the names of `sleep_statistics.UNITS`."""
        return sleep_statistics.of_night(self._done().on_grid())

    def told(self, error: InputError | OSError) -> str:
        """An error as stage.py prints it, about the file by the name that the visitor knows."""
        text = str(error)
        if isinstance(error, OSError):
            text = f"{self.shown or 'recording'}: {error.strerror}"
        if self.path is not None:
            text = text.replace(str(self.path), self.shown)
        return " ".join(text.split())

    def end(self) -> None:
        """Delete everything."""
        self._forget()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _forget(self) -> None:
        self.night = self.staged = self._explained = None
        if self.path is not None:
            self.path.unlink(missing_ok=True)
        self.path, self.shown, self.labels, self.row = None, "", (), 0

    def _opened(self) -> Night:
        if self.night is None:
            raise InputError("no recording here that can be staged; expected one: take it again")
        return self.night

    def _done(self) -> StagedNight:
        if self.staged is None:
            raise InputError("nothing is staged here; expected a night: stage it again")
        return self.staged


class _Abandoned(Exception):
    """Nobody waits for the night any more."""


class Sessions:
    """Everyone who has the page open, by the browser's own key; all in one folder.

    `arriving`, where uploads land before a session takes them, is a part of it.
    """

    def __init__(self, stager: Stager, folder: Path):
        self.stager, self.folder = stager, folder
        self.arriving = folder / "arriving"
        self.arriving.mkdir()
        self._open: dict[str, Session] = {}
        self._lock = threading.Lock()

    def of(self, key: str) -> Session:
        """A visitor's session, begun when first asked for."""
        with self._lock:
            if key not in self._open:
                self._open[key] = Session(self.stager, self.folder)
            return self._open[key]

    def end(self, key: str) -> None:
        """Delete what a visitor has, and uploads that nobody took: of an hour ago, or any at all
        where nobody is left."""
        with self._lock:
            session = self._open.pop(key, None)
            older_than_s = ABANDONED_S if self._open else 0
            for path in self.arriving.iterdir():
                with suppress(FileNotFoundError):  # taken in this moment
                    if time.time() - path.stat().st_mtime >= older_than_s:
                        shutil.rmtree(path) if path.is_dir() else path.unlink()
        if session:
            session.end()
