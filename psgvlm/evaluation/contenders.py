"""The contenders of a comparison, and how each of them stages the same nights.

A contender is an adapter or a baseline. It has a `name` and a method `probabilities(night)` (see
`psgvlm.evaluation.baselines`). Its answers are rows of the table of predictions, which holds all
contenders one below the other, told apart by the column `model`.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation import baselines, smoothing
from psgvlm.evaluation.answers import AnswerStore, NightAnswers
from psgvlm.evaluation.baseline_names import NAMES, OF_A_MODEL
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.models import devices, inference
from psgvlm.models.vlm import StagingModel
from psgvlm.nights import neighbours
from psgvlm.stages import STAGES
from psgvlm.training import sampling

PLACE = ("cohort", "subject", "recording", "epoch", "onset")


class ModelContender:
    """A staging model as a contender.

    It looks at the corpus' pictures, or at pictures drawn anew if the recording is open. In the
    latter case only the night's scored epochs are drawn, so an unscored neighbour is blank.
    """

    def __init__(self, name: str, model: StagingModel, batch_size: int = 32):
        self.name, self.model = name, model
        self.classifier = inference.StageClassifier(model, batch_size)

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return the probabilities of W, N1, N2, N3, R, float64 of shape (n_epochs, 5)."""
        if night.signal is None:
            # Rows read as a batch share their neighbours, so no picture is decoded twice.
            batches = night.rows.iter(batch_size=self.classifier.batch_size)
            epochs = (images for batch in batches for images in batch["images"])
        else:
            count = self.model.neighbours
            epochs = neighbours.around(night.pictures(), night.spec, count, night.epochs)
        try:
            return np.array(list(self.classifier.probabilities(epochs)))
        except inference.NotFinite as error:
            epoch = night.rows[error.row]["epoch"]
            raise InputError(f"{self.name}, epoch {epoch} of {night.name}: {error}") from error

    def with_prompt(self, prompt: str) -> "ModelContender":
        """Return the same contender with another prompt."""
        model = replace(self.model, spec=replace(self.model.spec, prompt=prompt))
        return ModelContender(self.name, model, self.classifier.batch_size)


def model_names(folders: list[str]) -> list[str]:
    """Name each model by the last part of its folder or Hub id, or by more parts if names clash.

    Raises `InputError` if a model is given twice.
    """
    parts = [
        Path(folder).resolve().parts if Path(folder).is_dir() else Path(folder).parts
        for folder in folders
    ]
    for length in range(1, max(map(len, parts)) + 1):
        names = ["/".join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            return names
    raise InputError(
        f"{' '.join(folders)}: the same model twice; expected each model once", "model"
    )


def make_baselines(names: list[str], models: dict[str, StagingModel]) -> list:
    """Make the baselines of these names, not yet fitted.

    A baseline that is made from a model (`OF_A_MODEL`) is made once for each model.
    Raises `InputError` if a model has the name of a baseline.
    """
    if clashes := [name for name in models if name in NAMES]:
        raise InputError(
            f"the model {clashes[0]} has the name of a baseline; rename its folder", "model"
        )
    made = []
    for name in dict.fromkeys(names):
        if name not in OF_A_MODEL:
            made.append(baselines.make(name))
            continue
        for model_name, model in models.items():
            made.append(baselines.make(name, model))
            if len(models) > 1:
                made[-1].name = f"{name} of {model_name}"
    return made


def check_recordings_once(nights: list[CorpusNight]) -> None:
    """Raise `InputError` if two corpora hold the same recording."""
    seen = set()
    for night in nights:
        if night.name in seen:
            raise InputError(
                f"{night.name} is in two of the corpora; expected each recording once: measure "
                "the corpora one after the other",
                "dataset",
            )
        seen.add(night.name)


def smoothed(frame, train: list[CorpusNight], balance: str):
    """Smooth a contender's nights by the changes of stage in the train split.

    `balance` says how the model's training balanced the stages (see `psgvlm.training.sampling`).
    The result is a table of predictions of a contender of its own, with `smoothing.SUFFIX` added to
    the name.
    """
    transitions = smoothing.fit(concatenate([scored_epochs(night.rows) for night in train]))
    shares = sampling.stage_weights(transitions.prior, balance)
    smooth = smoothing.smooth(frame, transitions, shares / shares.sum())
    return smooth.assign(model=f"{frame['model'].iloc[0]}{smoothing.SUFFIX}")


class LazyBaseline:
    """A baseline that is fitted when it is first asked, so a finished run never fits it.

    `nights` is a function that returns the nights of a split, given the split's name.
    """

    def __init__(self, baseline, nights: Callable[[str], list[CorpusNight]]):
        self.name, self.baseline, self.nights = baseline.name, baseline, nights
        self.fit_s: float | None = None

    def fit(self) -> None:
        """Fit the baseline, unless it is fitted already."""
        if self.fit_s is None:
            train, validation = self.nights("train"), self.nights("validation")
            start = time.perf_counter()
            self.baseline.fit(train, validation)
            self.fit_s = time.perf_counter() - start

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return the baseline's probabilities, float64 of shape (n_epochs, 5)."""
        return self.baseline.probabilities(night)


def stage_nights(
    contender,
    nights: list[CorpusNight],
    question: str | None = None,
    answers: AnswerStore | None = None,
):
    """Stage nights with a contender.

    Parameters
    ----------
    contender : ModelContender, LazyBaseline or baseline
        Who stages the nights.
    nights : list of CorpusNight
        What is staged.
    question : str, optional
        A name for what is asked, shown with the progress bar. Stored answers are found by this
        name, so no two questions may share it. Default: the contender's name.
    answers : AnswerStore, optional
        Where answers are taken from and kept. Default: nowhere.

    Returns
    -------
    frame : pandas.DataFrame
        The contender's table of predictions.
    cost : dict of str to float
        `epochs`, `seconds`, `peak_memory_gib` (of the GPU, or of the whole process on a CPU) and,
        for a `LazyBaseline`, `fit_s`. With several processes, `seconds` is their sum and
        `peak_memory_gib` the largest.
    """
    from tqdm import tqdm

    question, answers = question or contender.name, answers or AnswerStore()
    mine = answers.own_nights(nights)
    total = sum(len(night.index) for night in mine)
    with tqdm(total=total, unit="epoch", desc=question, disable=not answers.is_main) as bar:
        for night in mine:
            if answers.get(question, night) is None:
                answers.put(question, night, _stage_night(contender, night))
            bar.update(len(night.index))
    parts = answers.all(question, nights)
    cost = {"epochs": sum(len(part.frame) for part in parts)}
    cost["seconds"] = sum(part.cost["seconds"] for part in parts)
    for name in ("peak_memory_gib", "fit_s"):
        if values := [part.cost[name] for part in parts if name in part.cost]:
            cost[name] = max(values)
    return concatenate([part.frame for part in parts]), cost


def _stage_night(contender, night: CorpusNight) -> NightAnswers:
    if isinstance(contender, LazyBaseline):
        contender.fit()
    start = time.perf_counter()
    frame = predictions_of(contender.name, night, contender.probabilities(night))
    cost = {"seconds": time.perf_counter() - start, "peak_memory_gib": devices.peak_memory_gib()}
    if isinstance(contender, LazyBaseline):
        cost["fit_s"] = contender.fit_s
    return NightAnswers(frame, cost)


def scored_epochs(rows):
    """Return a frame of a dataset's epochs and their scored stages; `None` means unscored."""
    frame = rows.select_columns([*PLACE, "stage", "stage_2"]).to_pandas()
    for column in ("stage", "stage_2"):
        frame[column] = [None if x != x or x is None else STAGES[int(x)] for x in frame[column]]
    return frame


def predictions_of(name: str, night: CorpusNight, probabilities: np.ndarray):
    """Return one night's rows of the table of predictions, in the order of the night's rows."""
    frame = scored_epochs(night.rows)
    frame.insert(0, "model", name)
    frame["predicted"] = [STAGES[index] for index in probabilities.argmax(axis=1)]
    for stage, p in zip(STAGES, probabilities.T, strict=True):
        frame[f"p_{stage}"] = p
    return frame


def concatenate(frames: list):
    """Return tables of predictions one below the other."""
    import pandas as pd

    return pd.concat(frames, ignore_index=True)
