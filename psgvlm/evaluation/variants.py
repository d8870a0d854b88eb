"""Stage the same nights with fewer lanes in the pictures, or with the question in other words.

Lanes are removed from the corpus' own pictures, where each lane has its place. The result equals,
pixel by pixel, the picture of a recording that lacks these lanes (a test compares both). Raw
signals are therefore not needed, and neighbours are treated alike.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from psgvlm.evaluation import contenders
from psgvlm.evaluation.answers import AnswerStore
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.image_spec import PAPER_PROMPT, PROMPT
from psgvlm.images import raster
from psgvlm.montages import MODALITIES, MODALITY

# The name of a variant, who stages, and what is staged.
Variants = Iterator[tuple[str, contenders.ModelContender, list[CorpusNight]]]
WORDINGS = (
    PROMPT,
    PAPER_PROMPT,
    "Stage this epoch of sleep by the AASM rules. Answer with W, N1, N2, N3 or R.",
    "You see 30 seconds of a polysomnogram. Is the person in W, N1, N2, N3 or R?",
    "W, N1, N2, N3 or R?",
)


def stage_variants(
    contender: contenders.ModelContender,
    nights: list[CorpusNight],
    kinds: list[str],
    frame,
    answers: AnswerStore | None = None,
):
    """Stage the nights with a model in every variant of its input.

    Parameters
    ----------
    contender : ModelContender
        The model.
    nights : list of CorpusNight
        Nights with as many images per epoch as the model takes.
    kinds : list of str
        `"lanes"` (fewer lanes) and `"prompts"` (other wordings).
    frame : pandas.DataFrame
        The model's table of predictions without any variation.
    answers : AnswerStore, optional
        Where answers are kept.

    Returns
    -------
    pandas.DataFrame
        A table of predictions with two more columns, `kind` and `variant`. Variants are in the
        order in which they are reported. The last variant of `lanes` and the first of `prompts` are
        the unchanged model.
    """
    makers = {"lanes": _fewer_lanes, "prompts": _other_wordings}
    tables = []
    for kind in dict.fromkeys(kinds):
        for number, (name, who, varied) in enumerate(makers[kind](contender, nights), 1):
            if who is contender and varied is nights:
                table = frame
            else:
                question = f"{contender.name}, {kind} {number}"
                table, _ = contenders.stage_nights(who, varied, question, answers)
            tables.append(table.assign(kind=kind, variant=name))
    return contenders.concatenate(tables)


def _fewer_lanes(contender: contenders.ModelContender, nights: list[CorpusNight]) -> Variants:
    """Yield EEG alone, then EEG with EOG, EMG and ECG added one by one, as the montage has them."""
    modality_of = {lane: MODALITY[lane] for lane in contender.model.spec.lanes}
    modalities = [modality for modality in MODALITIES if modality in modality_of.values()]
    for count in range(1, len(modalities)):
        kept = modalities[:count]
        removed = [lane for lane, modality in modality_of.items() if modality not in kept]
        yield " + ".join(kept), contender, [without_lanes(night, removed) for night in nights]
    yield " + ".join(modalities), contender, nights


def _other_wordings(contender: contenders.ModelContender, nights: list[CorpusNight]) -> Variants:
    own = contender.model.spec.prompt
    yield own, contender, nights
    for text in [text for text in WORDINGS if text != own][: len(WORDINGS) - 1]:
        yield text, contender.with_prompt(text), nights


def without_lanes(night: CorpusNight, lanes: list[str]) -> CorpusNight:
    """Return the night with these lanes removed from its pictures and from its neighbours'.

    Lanes are removed when pictures are read. If there is a spectrogram, at least the first EEG
    lane must stay, since the spectrogram belongs to it.
    """
    before = night.rows.format["format_kwargs"].get("transform")
    blank = raster.blank_image(night.spec)
    places = [rows for lane in lanes for rows in raster.lane_rows(night.spec, lane)]

    def transform(batch: dict[str, list]) -> dict[str, list]:
        batch = before(batch) if before else batch
        if "images" not in batch:
            return batch  # only other columns are read
        images = [[_blanked(image, blank, places) for image in row] for row in batch["images"]]
        return {**batch, "images": images}

    return replace(night, rows=night.rows.with_transform(transform))


def _blanked(image, blank: np.ndarray, places: list[slice]):
    """Return the picture with some of its pixel rows taken from the blank picture."""
    from PIL import Image

    picture = np.array(image)
    for rows in places:
        picture[rows] = blank[rows]
    return Image.fromarray(picture)
