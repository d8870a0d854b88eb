"""The nights of a corpus with their recordings open again: for baselines that read the signal.

Which derivation fills which lane is read from the manifest, epochs and stages from the corpus' own
rows; so they are those that were drawn, whatever options the corpus was built with.
"""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import numpy as np

from psgvlm.corpus import manifest
from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import CorpusNight, of_split
from psgvlm.hub import repo_files
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster
from psgvlm.recordings.lanes import LANES, Derivation, LaneMap
from psgvlm.recordings.recording import Recording

# Of 255, over all pixels. A picture drawn on another machine differs by less, that of another
# epoch by more.
SAME_PICTURE = 0.1


def nights(split, corpus: str | Path, raw: Path) -> list[CorpusNight]:
    """The nights of a corpus' split (of `psgvlm.corpus.loading.Corpus.split`), recordings open.

    `raw` is the folder that the corpus was built from, or one that holds each cohort's in a folder
    named after it. The first picture of every night is drawn again and compared with the corpus';
    raises `InputError` where it differs, or where a recording is missing or is another.
    """
    from tqdm import tqdm

    rows = _manifest(Path(corpus))
    spec = repo_files.load_image_spec(corpus, "dataset")
    opened = tqdm(of_split(split, spec), unit="night", desc="opening recordings")
    return [_open(night, rows, Path(corpus), raw) for night in opened]


def _manifest(corpus: Path) -> dict[str, dict]:
    """The corpus' manifest, rows by the night's name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = corpus / manifest.FILE_NAME
    try:
        rows = pq.read_table(path, schema=manifest.schema()).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise InputError(
            f"{path}: cannot be read ({str(error).splitlines()[0]}); expected the corpus' folder "
            "with the manifest that python -m builders wrote"
        ) from error
    return {f"{row['cohort']}/{row['recording']}": row for row in rows}


def _open(night: CorpusNight, rows: dict[str, dict], corpus: Path, raw: Path) -> CorpusNight:
    if (row := rows.get(night.name)) is None:
        raise InputError(
            f"{corpus / manifest.FILE_NAME}: has no {night.name}, which the corpus' rows have; "
            "build the corpus again"
        )
    recording = Recording(_find(row, raw), gaps=True)
    lanes = _lanes(recording, row, night.spec)
    night = replace(night, recording=recording, lanes=lanes)
    drawn = next(raster.draw(night.traces(), night.spec, night.stored_s()[:1]))
    stored = np.asarray(night.rows[0]["images"][0], float)
    if np.abs(raster.to_rgb(drawn, night.spec) - stored).mean() > SAME_PICTURE:
        raise InputError(
            f"{recording.path}: drawn again, its epoch at {night.rows[0]['onset']:g} s is not the "
            f"corpus' picture of it; expected the raw recordings that {corpus} was built from"
        )
    return night


def _find(row: dict, raw: Path) -> Path:
    """The recording of a manifest's row below the raw folder."""
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
    """The derivations that the manifest says were drawn."""
    told = {lane["lane"]: lane["source"] for lane in row["lanes"]}
    sources = tuple(_source(recording, told[name]) if name in told else None for name in spec.lanes)
    return LaneMap(tuple(LANES[name] for name in spec.lanes), sources)


def _source(recording: Recording, text: str) -> Derivation:
    """`"C4 - M1"` as the manifest has it: one label, or two to subtract."""
    parts = text.split(" - ")
    pairs = [(" - ".join(parts[:i]), " - ".join(parts[i:])) for i in range(1, len(parts))]
    for labels in [(text,), *pairs]:
        if set(labels) <= set(recording.labels):
            return Derivation(*labels)
    raise InputError(
        f"{recording.path}: no signal {text!r} among {', '.join(recording.labels)}; expected the "
        "raw recording that the corpus was built from"
    )
