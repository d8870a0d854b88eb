"""A staging model shown or asked something else, the same nights: fewer lanes, other wordings.

Lanes are taken out of the corpus' own pictures, where each has its place: what is left is, pixel by
pixel, what is drawn of a recording that lacks them (a test holds both together). So a model is
shown what it was measured on, neighbours included, and the raw signals are not needed.
"""

from collections.abc import Iterator
from copy import copy
from dataclasses import replace

import numpy as np

from psgvlm.evaluation import contenders
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.image_spec import PAPER_PROMPT, PROMPT
from psgvlm.images import raster
from psgvlm.montages import MODALITIES, MODALITY

Variants = Iterator[
    tuple[str, contenders.Adapter, list[CorpusNight]]
]  # what it is called, who sees what
WORDINGS = (
    PROMPT,
    PAPER_PROMPT,
    "Stage this epoch of sleep by the AASM rules. Answer with W, N1, N2, N3 or R.",
    "You see 30 seconds of a polysomnogram. Is the person in W, N1, N2, N3 or R?",
    "W, N1, N2, N3 or R?",
)


def stage(
    adapter: contenders.Adapter, nights: list[CorpusNight], kinds: list[str], frame, answers=None
):
    """The model's answers to every variant of `kinds`, `lanes` and `prompts`, as one table.

    `nights` have the images that the model takes, `frame` is its table as it is, `answers` is that
    of `contenders.stage`. More columns than in `frame`: `kind` and `variant`, by name, in the order
    in which they are to be told; of lanes the last variant is the model as it is, of prompts the
    first.
    """
    makers = {"lanes": _fewer_lanes, "prompts": _other_words}
    tables = []
    for kind in dict.fromkeys(kinds):
        for number, (name, contender, seen) in enumerate(makers[kind](adapter, nights), 1):
            if contender is adapter and seen is nights:
                table = frame
            else:
                table, _ = contenders.stage(
                    contender, seen, f"{adapter.name}, {kind} {number}", answers
                )
            tables.append(table.assign(kind=kind, variant=name))
    return contenders.joined(tables)


def _fewer_lanes(adapter: contenders.Adapter, nights: list[CorpusNight]) -> Variants:
    """EEG alone, then with EOG, EMG and ECG, as far as the montage has them."""
    of = {lane: MODALITY[lane] for lane in adapter.model.spec.lanes}
    modalities = [modality for modality in MODALITIES if modality in of.values()]
    for count in range(1, len(modalities)):
        kept = modalities[:count]
        taken = [lane for lane, modality in of.items() if modality not in kept]
        yield " + ".join(kept), adapter, [without(night, taken) for night in nights]
    yield " + ".join(modalities), adapter, nights


def _other_words(adapter: contenders.Adapter, nights: list[CorpusNight]) -> Variants:
    own = adapter.model.spec.prompt
    yield own, adapter, nights
    for text in [text for text in WORDINGS if text != own][: len(WORDINGS) - 1]:
        asked = copy(adapter)
        asked.model = replace(adapter.model, spec=replace(adapter.model.spec, prompt=text))
        yield text, asked, nights


def without(night: CorpusNight, lanes: list[str]) -> CorpusNight:
    """The night with lanes taken out of its pictures, and out of its neighbours', when looked at.

    One EEG lane at least must stay where there is a spectrogram: it is the first one's.
    """
    before = night.rows.format["format_kwargs"].get("transform")
    empty = raster.blank_image(night.spec)
    places = [rows for lane in lanes for rows in raster.lane_rows(night.spec, lane)]

    def transform(batch: dict[str, list]) -> dict[str, list]:
        batch = before(batch) if before else batch
        if "images" not in batch:
            return batch  # other columns alone are asked for
        images = [[_blanked(image, empty, places) for image in row] for row in batch["images"]]
        return {**batch, "images": images}

    return replace(night, rows=night.rows.with_transform(transform))


def _blanked(image, empty: np.ndarray, places: list[slice]):
    from PIL import Image

    picture = np.array(image)
    for rows in places:
        picture[rows] = empty[rows]
    return Image.fromarray(picture)
