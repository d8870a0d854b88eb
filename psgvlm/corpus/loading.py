"""The corpus that training draws from: checked, and some of it set aside to measure by."""

import numpy as np

from psgvlm import chat
from psgvlm.corpus import neighbours as neighbour_rows
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec


def load_split(
    name: str,
    split: str,
    config: str | None = None,
    spec: ImageSpec | None = None,
    neighbours: int = 0,
):
    """One split's scored epochs, of a folder or a Hub id.

    If no configuration is named, those of staging, of all cohorts: the others hold the same epochs.
    With `neighbours` the rows have the images of as many epochs before and after, scored or not,
    and blank ones, drawn by `spec`, where there is none.

    Raises `InputError` where there are none, or where a subject is in two splits.
    """
    from datasets import concatenate_datasets, get_dataset_config_names, load_dataset
    from datasets.exceptions import DatasetNotFoundError, NonMatchingSplitsSizesError

    try:
        configs = [config] if config else _staging(name, get_dataset_config_names(name))
        corpora = {part: load_dataset(name, part) for part in configs}
        parts = [corpora[part][split] for part in configs]
    except NonMatchingSplitsSizesError as error:
        raise InputError(
            f"{name}: the files do not hold what the card says ({error}); expected a corpus as "
            "python -m builders wrote it: build it again"
        ) from error
    except (ValueError, KeyError, DatasetNotFoundError, FileNotFoundError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{name}: no split {split!r} of {config or 'its configurations'} ({reason}); "
            "expected a corpus that python -m builders wrote"
        ) from error
    for part, splits in corpora.items():
        check_subjects(f"{name}, {part}", splits)
    corpus = concatenate_datasets(parts)
    stages = corpus.data.column("stage")
    if neighbours:
        corpus = neighbour_rows.attach(corpus, spec, neighbours)
    if stages.null_count:
        corpus = corpus.select(np.flatnonzero(stages.is_valid().to_numpy()))
    if not len(corpus):
        raise InputError(f"{name}: split {split!r} holds no scored epoch; expected stages")
    return corpus


def _staging(name: str, configs: list[str]) -> list[str]:
    found = [config for config in configs if chat.cohort_and_task(config)[1] == "staging"]
    if not found:
        raise InputError(
            f"{name}: no configuration for staging; expected one, or the name of another "
            f"({', '.join(configs)}) as --dataset_config or --config"
        )
    return found


def check_subjects(name: str, splits: dict) -> None:
    """Refuse a corpus whose splits share a subject: its results would be worthless.

    `splits` are datasets by the split's name; only their column `subject` is read.
    """
    place: dict[str, str] = {}
    for split, dataset in splits.items():
        for subject in dataset.unique("subject"):
            if (other := place.setdefault(subject, split)) != split:
                raise InputError(
                    f"{name}: subject {subject} is in the splits {other} and {split}; expected "
                    "each in one: build the corpus again with python -m builders"
                )


def validation(corpus, subjects: int, epochs: int, seed: int):
    """A fixed part of a split to measure by while training: some subjects, some of their epochs.

    `subjects` are drawn by the seed, and `epochs` taken at even steps through their nights, so that
    the stages come as they do there; 0 is all of them.
    """
    names = np.array(corpus["subject"])
    if subjects:
        drawn = np.random.default_rng(seed).permutation(sorted(set(names)))[:subjects]
        corpus = corpus.select(np.flatnonzero(np.isin(names, drawn)))
    if 0 < epochs < len(corpus):
        corpus = corpus.select(np.linspace(0, len(corpus) - 1, epochs).round().astype(int))
    return corpus
