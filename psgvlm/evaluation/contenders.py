"""What is measured on the same nights: adapters, what smooths them, and baselines.

A contender has a `name` and `probabilities(night)`, as `psgvlm.evaluation.baselines` says; what it
answers is a part of the table of predictions, all contenders one below the other in the column
`model`.
"""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation import baselines, smoothing
from psgvlm.evaluation.answers import Answers, NightAnswers
from psgvlm.evaluation.baselines.vision import with_neighbours
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.models import devices, inference
from psgvlm.models.vlm import StagingModel
from psgvlm.stages import STAGES
from psgvlm.training import sampling

WHERE = ("cohort", "subject", "recording", "epoch", "onset")


class Adapter:
    """A staging model; it looks at the corpus' pictures, or draws them where a recording is open.

    What is drawn is the night's rows, so that an unscored neighbour of an epoch is blank then.
    """

    def __init__(self, name: str, model: StagingModel, batch_size: int = 32):
        self.name, self.model = name, model
        self.scorer = inference.StageClassifier(model, batch_size)

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        if night.signal is None:
            # Read together, no neighbour's picture is decoded twice.
            batches = night.rows.iter(batch_size=self.scorer.batch_size)
            epochs = (images for batch in batches for images in batch["images"])
        else:
            epochs = with_neighbours(night, self.model.neighbours)
        try:
            return np.array(list(self.scorer.probabilities(epochs)))
        except inference.NotFinite as error:
            epoch = night.rows[error.row]["epoch"]
            raise InputError(f"{self.name}, epoch {epoch} of {night.name}: {error}") from error


def names(folders: list[str]) -> list[str]:
    """What models are called: the last part of folder or Hub id, longer where two are alike."""
    parts = [Path(folder).resolve().parts if Path(folder).is_dir() else Path(folder).parts
             for folder in folders]  # fmt: skip
    for length in range(1, max(map(len, parts)) + 1):
        found = ["/".join(part[-length:]) for part in parts]
        if len(set(found)) == len(found):
            return found
    raise InputError(f"--model {' '.join(folders)}: the same model twice; expected each once")


def make_baselines(wanted: list[str], models: dict[str, StagingModel]) -> list:
    """Baselines by name, not yet fitted; those that are of a model once for each model."""
    if taken := [name for name in models if name in baselines.NAMES]:
        raise InputError(
            f"--model {taken[0]} has the name of a baseline; expected another: rename its folder"
        )
    found = []
    for name in dict.fromkeys(wanted):
        if name not in baselines.OF_A_MODEL:
            found.append(baselines.make(name))
            continue
        for of, model in models.items():
            found.append(baselines.make(name, model))
            if len(models) > 1:
                found[-1].name = f"{name} of {of}"
    return found


def check_once(nights: list[CorpusNight]) -> None:
    """Refuse a recording that comes twice, from two corpora."""
    seen = set()
    for night in nights:
        if night.name in seen:
            raise InputError(
                f"{night.name} is in two of the corpora; expected every recording once: measure "
                "them one after the other"
            )
        seen.add(night.name)


def smoothed(table, how: str, train: list[CorpusNight], balance: str):
    """A table whose nights are smoothed, by the hypnograms of the train split; another
    `model`.

    `balance` is how often the stages came when the model was trained (`training/sampling.py`).
    """
    transitions = smoothing.fit(joined([scores(night.rows) for night in train]))
    drawn = sampling.shares(transitions.prior, balance)
    frame = smoothing.smooth(table, transitions, how, drawn / drawn.sum())
    return frame.assign(model=f"{table['model'].iloc[0]}, {how}")


class Late:
    """A baseline that is fitted when it is first asked, and so never where all is answered.

    `nights` gives those of a split by its name.
    """

    def __init__(self, baseline, nights: Callable[[str], list[CorpusNight]]):
        self.name, self.baseline, self.nights = baseline.name, baseline, nights
        self.fit_s: float | None = None

    def fit(self) -> None:
        if self.fit_s is None:
            train, validation = self.nights("train"), self.nights("validation")
            start = time.perf_counter()
            self.baseline.fit(train, validation)
            self.fit_s = time.perf_counter() - start

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        return self.baseline.probabilities(night)


def stage(
    contender, nights: list[CorpusNight], what: str | None = None, answers: Answers | None = None
):
    """A contender's answers to all nights as a table of predictions, and what they cost.

    `what` is shown with the progress; among `answers`, where those given before are taken from and
    new ones kept, it names what was asked: no two questions may share it. The cost is `epochs`,
    `seconds` and `peak_memory_gib` (of the device, or on a CPU of the whole process until then),
    as they were when each night was answered: of several processes, the sum of their seconds and
    the largest memory. For a `Late` contender also `fit_s`.
    """
    from tqdm import tqdm

    what, answers = what or contender.name, answers or Answers()
    mine = answers.share(nights)
    total = sum(len(night.index) for night in mine)
    with tqdm(total=total, unit="epoch", desc=what, disable=not answers.leads) as bar:
        for night in mine:
            if answers.get(what, night) is None:
                answers.put(what, night, _answered(contender, night))
            bar.update(len(night.index))
    parts = answers.all(what, nights)
    cost = {"epochs": sum(len(part.frame) for part in parts)}
    cost["seconds"] = sum(part.cost["seconds"] for part in parts)
    for name in ("peak_memory_gib", "fit_s"):
        if found := [part.cost[name] for part in parts if name in part.cost]:
            cost[name] = max(found)
    return joined([part.frame for part in parts]), cost


def _answered(contender, night: CorpusNight) -> NightAnswers:
    if isinstance(contender, Late):
        contender.fit()
    start = time.perf_counter()
    frame = table(contender.name, night, contender.probabilities(night))
    cost = {"seconds": time.perf_counter() - start, "peak_memory_gib": devices.peak_memory_gib()}
    if isinstance(contender, Late):
        cost["fit_s"] = contender.fit_s
    return NightAnswers(frame, cost)


def scores(rows):
    """A frame of where a dataset's epochs lie and how they were scored, `None` for unscored."""
    frame = rows.select_columns([*WHERE, "stage", "stage_2"]).to_pandas()
    for column in ("stage", "stage_2"):
        frame[column] = [None if x != x or x is None else STAGES[int(x)] for x in frame[column]]
    return frame


def table(name: str, night: CorpusNight, probabilities: np.ndarray):
    """One night's rows of the table of predictions, in the order of its rows."""
    frame = scores(night.rows)
    frame.insert(0, "model", name)
    frame["predicted"] = [STAGES[index] for index in probabilities.argmax(axis=1)]
    for stage_name, p in zip(STAGES, probabilities.T, strict=True):
        frame[f"p_{stage_name}"] = p
    return frame


def joined(tables: list):
    """Tables of predictions one below the other."""
    import pandas as pd

    return pd.concat(tables, ignore_index=True)
