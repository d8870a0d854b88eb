"""A corpus opened for training, evaluation and explanations: its splits of scored epochs."""

import numpy as np

from psgvlm import chat
from psgvlm.corpus import neighbours as neighbour_rows
from psgvlm.errors import InputError
from psgvlm.hub import repo_files
from psgvlm.image_spec import ImageSpec


class Corpus:
    """A corpus that is opened once and gives each of its splits once.

    Opening checks that no subject is in two splits of a configuration. Use `open_corpus` to make
    one.

    Attributes
    ----------
    name : str
        The folder, or the Hub id.
    spec : ImageSpec
        The image spec that the corpus was drawn with.
    config : str or None
        The configuration that was asked for. `None` stands for every configuration for staging, of
        all cohorts; the other configurations hold the same epochs.
    splits_by_config : dict
        The `datasets.DatasetDict` of each configuration.
    """

    def __init__(self, name: str, spec: ImageSpec, config: str | None, splits_by_config: dict):
        self.name, self.spec = name, spec
        self.config, self.splits_by_config = config, splits_by_config
        self._rows: dict[str, object] = {}
        self._scored: dict[tuple[str, int], object] = {}
        for part, splits in splits_by_config.items():
            check_subjects(f"{name}, {part}", splits)

    def split(self, split: str, neighbours: int = 0):
        """Return the scored epochs of a split.

        Parameters
        ----------
        split : str
            For example "train", "validation" or "test".
        neighbours : int
            How many neighbouring epochs each row shows on either side. A neighbour is shown whether
            it was scored or not; where there is none, the image is blank.

        Returns
        -------
        datasets.Dataset
            One row for each scored epoch, in the corpus' order. Its column `images` holds
            2 * `neighbours` + 1 images. A second call with the same arguments returns the same
            dataset.

        Raises
        ------
        InputError
            If the corpus has no such split, or if no epoch of it was scored.
        """
        key = split, neighbours
        if key not in self._scored:
            rows = self._all_rows(split)
            stages = rows.data.column("stage")
            if neighbours:
                rows = neighbour_rows.attach(rows, self.spec, neighbours)
            if stages.null_count:
                rows = rows.select(np.flatnonzero(stages.is_valid().to_numpy()))
            if not len(rows):
                raise InputError(
                    f"{self.name}: split {split!r} holds no scored epoch; expected stages"
                )
            self._scored[key] = rows
        return self._scored[key]

    def _all_rows(self, split: str):
        """Return every epoch of a split, of all configurations one after the other."""
        from datasets import concatenate_datasets

        if split not in self._rows:
            if lacking := [c for c, splits in self.splits_by_config.items() if split not in splits]:
                has = ", ".join(self.splits_by_config[lacking[0]])
                raise InputError(
                    f"{self.name}: configuration {lacking[0]!r} has no split {split!r}; expected "
                    f"one of its splits: {has}"
                )
            parts = [splits[split] for splits in self.splits_by_config.values()]
            self._rows[split] = concatenate_datasets(parts)
        return self._rows[split]


def open_corpus(name: str, config: str | None = None) -> Corpus:
    """Open a corpus and check that no subject is in two of its splits.

    Parameters
    ----------
    name : str
        A folder that the builders wrote, or a Hub id.
    config : str, optional
        One configuration. By default all configurations for staging are taken, of all cohorts.

    Raises
    ------
    InputError
        If there is no such corpus or configuration, if it has no image spec, if its files do not
        hold what its card says, or if a subject is in two splits.

    Examples
    --------
    >>> from psgvlm.corpus import loading
    >>> corpus = loading.open_corpus("corpus")
    >>> train, test = corpus.split("train"), corpus.split("test")
    >>> len(train), test[0]["recording"], test[0]["images"][0].size
    (30, 's4a', (48, 48))
    """
    from datasets import get_dataset_config_names, load_dataset
    from datasets.exceptions import DatasetNotFoundError, NonMatchingSplitsSizesError

    spec = repo_files.load_image_spec(name, "dataset")  # fails soon where the Hub is not reached
    try:
        configs = [config] if config else _for_staging(name, get_dataset_config_names(name))
        splits_by_config = {part: load_dataset(name, part) for part in configs}
    except NonMatchingSplitsSizesError as error:
        raise InputError(
            f"{name}: the files do not hold what the card says ({error}); build the corpus again"
        ) from error
    except InputError:
        raise
    except (ValueError, KeyError, DatasetNotFoundError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{name}: {f'configuration {config!r}' if config else 'the corpus'} cannot be loaded "
            f"({reason}); expected a corpus that psgvlm build wrote"
        ) from error
    return Corpus(name, spec, config, splits_by_config)


def load_split(name: str, split: str, config: str | None = None, neighbours: int = 0):
    """Return the scored epochs of one split; open the corpus yourself to read several splits."""
    return open_corpus(name, config).split(split, neighbours)


def _for_staging(name: str, configs: list[str]) -> list[str]:
    staging = [config for config in configs if chat.cohort_and_task(config)[1] == "staging"]
    if not staging:
        raise InputError(
            f"{name}: no configuration is for staging; choose one of its configurations by name: "
            f"{', '.join(configs)}",
            parameter="config",
        )
    return staging


def check_subjects(name: str, splits: dict) -> None:
    """Raise InputError if two splits share a subject, since results would then be worthless.

    `splits` maps each split's name to its dataset. Only the column `subject` is read.
    """
    split_of: dict[str, str] = {}
    for split, dataset in splits.items():
        for subject in dataset.unique("subject"):
            if (other := split_of.setdefault(subject, split)) != split:
                raise InputError(
                    f"{name}: subject {subject} is in the splits {other} and {split}; expected "
                    "each subject in one split: build the corpus again"
                )


def validation_sample(rows, subjects: int, epochs: int, seed: int):
    """Return a fixed part of a split, small enough to be measured during training.

    Parameters
    ----------
    rows : datasets.Dataset
        The rows of a split.
    subjects : int
        How many subjects to draw; 0 takes all.
    epochs : int
        How many of their epochs to take, evenly spaced, so that the stages keep their shares; 0
        takes all.
    seed : int
        The seed of the draw.
    """
    subject_of = np.array(rows["subject"])
    if subjects:
        drawn = np.random.default_rng(seed).permutation(sorted(set(subject_of)))[:subjects]
        rows = rows.select(np.flatnonzero(np.isin(subject_of, drawn)))
    if 0 < epochs < len(rows):
        rows = rows.select(np.linspace(0, len(rows) - 1, epochs).round().astype(int))
    return rows
