"""The nights of a corpus: their scored rows, and their signals if the raw folder is at hand.

Which derivation fills which lane is read from the manifest; epochs and stages are those of the
corpus' own rows. So the signals are those that were drawn, whatever options the corpus was built
with.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from psgvlm.corpus import manifest
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.nights.night import Night
from psgvlm.recordings.lane_rules import LANES
from psgvlm.recordings.lanes import Derivation, LaneMap
from psgvlm.recordings.recording import Recording
from psgvlm.stages import STAGES

# The largest mean difference, of 255, at which two pictures count as the same. A picture drawn on
# another machine differs by less, the picture of another epoch by more.
SAME_PICTURE = 0.1


@dataclass(frozen=True)
class CorpusNight:
    """The scored rows of one recording in a split, in the corpus' order.

    Attributes
    ----------
    rows : datasets.Dataset
        The rows of the recording.
    index : ndarray of int, shape (n_epochs,)
        Which rows of the split they are.
    spec : ImageSpec
    signal : Night or None
        The recording, opened; None if only the corpus is at hand. Its epochs are the rows, in
        their order.
    """

    rows: object
    index: np.ndarray
    spec: ImageSpec
    signal: Night | None = None

    @property
    def name(self) -> str:
        """The cohort and the recording, as the corpus calls them."""
        return f"{self.rows['cohort'][0]}/{self.rows['recording'][0]}"

    @property
    def stages(self) -> np.ndarray:
        """The scorer's stages as indices into `STAGES`, int64 of shape (n_epochs,)."""
        return np.array(self.rows["stage"])

    @property
    def epochs(self) -> np.ndarray:
        """The number of each row on the record's own grid of epochs, int64 of shape (n_epochs,)."""
        return np.array(self.rows["epoch"])

    def require_signal(self) -> Night:
        """Return the opened recording; raise InputError if only the corpus is at hand."""
        if self.signal is None:
            raise InputError(
                f"{self.name}: only its pictures are at hand; expected the raw folder that the "
                "corpus was built from, since this baseline reads the signal",
                "raw",
            )
        return self.signal

    def pictures(self) -> Iterator:
        """Yield each epoch's RGB picture: drawn if the signal is open, else from the corpus."""
        if self.signal is None:
            yield from (row["images"][0] for row in self.rows)
        else:
            yield from self.signal.pictures()


def nights_of_split(split, spec: ImageSpec) -> list[CorpusNight]:
    """Return the nights of a split's rows, in the order of their first rows."""
    members: dict[tuple[str, str], list[int]] = {}
    names = zip(split["cohort"], split["recording"], strict=True)
    for row, name in enumerate(names):
        members.setdefault(name, []).append(row)
    return [CorpusNight(split.select(rows), np.array(rows), spec) for rows in members.values()]


def with_signals(split, corpus: str | Path, raw: Path) -> list[CorpusNight]:
    """Return the nights of a split's rows with their recordings opened.

    Parameters
    ----------
    split : datasets.Dataset
        Scored rows of the corpus.
    corpus : str or Path
        The corpus' folder, for its manifest.
    raw : Path
        The folder that the corpus was built from, or one that holds each cohort's folder under
        the cohort's name.

    Raises
    ------
    InputError
        If a recording is missing, or if the first picture of a night, drawn again, is not the
        corpus' picture.
    """
    from tqdm import tqdm

    rows = _manifest(Path(corpus))
    spec = repo_files.load_image_spec(corpus, "dataset")
    nights = tqdm(nights_of_split(split, spec), unit="night", desc="opening recordings")
    return [_open(night, rows, Path(corpus), raw) for night in nights]


def stage_counts(nights: list[CorpusNight]) -> np.ndarray:
    """Return how many epochs of each stage the nights have, int64 of shape (5,)."""
    stages = [night.stages for night in nights]
    if not stages:
        raise InputError("no nights to learn from; expected a train split with scored epochs")
    return np.bincount(np.concatenate(stages), minlength=len(STAGES))


def _manifest(corpus: Path) -> dict[str, dict]:
    """Return the rows of the corpus' manifest by the night's name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = corpus / manifest.FILE_NAME
    try:
        rows = pq.read_table(path, schema=manifest.schema()).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{path}: cannot be read ({str(error).splitlines()[0]}); expected the corpus' folder "
            "with the manifest that the build wrote"
        ) from error
    return {f"{row['cohort']}/{row['recording']}": row for row in rows}


def _open(night: CorpusNight, rows: dict[str, dict], corpus: Path, raw: Path) -> CorpusNight:
    if (row := rows.get(night.name)) is None:
        raise InputError(
            f"{corpus / manifest.FILE_NAME}: has no {night.name}, which the corpus' rows have; "
            "build the corpus again"
        )
    recording = Recording(_find(row, raw), gaps=True)
    signal = Night(
        recording,
        night.spec,
        lanes=_lanes(recording, row, night.spec),
        numbers=night.epochs,
        onsets_s=night.rows["onset"][:],
        check_amplitude=False,
    )
    if lacking := len(night.index) - len(signal.epochs):
        raise InputError(
            f"{recording.path}: {lacking} epochs of the corpus' {night.name} are not within its "
            f"{recording.duration_s:g} s; expected the recording that the corpus was drawn from"
        )
    drawn = raster.to_rgb(next(signal.draw([0])), night.spec)
    stored = np.asarray(night.rows[0]["images"][0], float)
    if np.abs(drawn - stored).mean() > SAME_PICTURE:
        raise InputError(
            f"{recording.path}: drawn again, its epoch at {night.rows[0]['onset']:g} s is not the "
            f"corpus' picture of it; expected the raw recordings that {corpus} was built from"
        )
    return replace(night, signal=signal)


def _find(row: dict, raw: Path) -> Path:
    """Return the path of a manifest row's recording below the raw folder."""
    path = PurePosixPath(row["path"])
    places = [raw / path, raw / row["cohort"] / path]
    if path.is_absolute() or ".." in path.parts:
        raise InputError(f"{path}: the manifest's path leads out of {raw}; expected one within")
    for place in places:
        if place.is_file():
            return place
    raise InputError(
        f"{raw}: no {path} in it, nor in {row['cohort']}/; expected the raw folder that the corpus "
        "was built from"
    )


def _lanes(recording: Recording, row: dict, spec: ImageSpec) -> LaneMap:
    """Return the derivations that were drawn, as the manifest says."""
    drawn = {lane["lane"]: lane["source"] for lane in row["lanes"]}
    notes = {lane["lane"]: lane["note"] or "" for lane in row["lanes"]}
    sources = tuple(
        _source(recording, drawn[name]) if name in drawn else None for name in spec.lanes
    )
    lanes = tuple(LANES[name] for name in spec.lanes)
    return LaneMap(lanes, sources, tuple(notes.get(name, "") for name in spec.lanes))


def _source(recording: Recording, text: str) -> Derivation:
    """Read a derivation such as `"C4 - M1"`: one label, or two labels to subtract."""
    parts = text.split(" - ")
    pairs = [(" - ".join(parts[:i]), " - ".join(parts[i:])) for i in range(1, len(parts))]
    for labels in [(text,), *pairs]:
        if set(labels) <= set(recording.labels):
            return Derivation(*labels)
    raise InputError(
        f"{recording.path}: no signal {text!r} among {', '.join(recording.labels)}; expected the "
        "raw recording that the corpus was built from"
    )
