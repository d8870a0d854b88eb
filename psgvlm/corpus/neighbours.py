"""Rows of a corpus with the images of adjacent epochs, which are looked up when a row is read.

A corpus holds every picture once. `attach` gives each row of a dataset 2 k + 1 images: those of the
k epochs before, the epoch itself, and the k epochs after. `stream` does the same for a streamed
dataset. If a neighbour is not in the dataset, its image is blank, and its entry in the column
`shown` is False.
"""

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np

from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.nights.neighbours import blank, checked_count, windows

KEY = ("cohort", "recording", "epoch")

_EPOCHS = 1 << 32  # more than any number of epochs


def attach(rows, spec: ImageSpec, neighbours: int, among=None):
    """Return a dataset whose rows have the images of adjacent epochs.

    The result can be shuffled, selected from, and read by the workers of a data loader. TRL's
    trainer takes it with `remove_unused_columns=False`, because the columns of `KEY` must stay.

    Parameters
    ----------
    rows : datasets.Dataset
        Rows of a corpus.
    spec : ImageSpec
        The image spec of the corpus, which says what a blank image looks like.
    neighbours : int
        How many neighbours to show on either side.
    among : datasets.Dataset, optional
        Where to look for neighbours; by default in `rows`. If `rows` is a selection, give the whole
        split with its unscored epochs.

    Returns
    -------
    datasets.Dataset
        The rows, with 2 * `neighbours` + 1 images each and the column `shown`.
    """
    if not checked_count(neighbours):
        return rows
    return rows.with_transform(Neighbours(rows if among is None else among, spec, neighbours))


def stream(rows, spec: ImageSpec, neighbours: int):
    """Return a streamed dataset whose rows have the images of adjacent epochs.

    Shards may be cut anywhere. The workers of a data loader share the shards, and read 2 *
    `neighbours` rows beyond each.

    Parameters
    ----------
    rows : datasets.IterableDataset
        Rows in the order of the corpus, before any shuffle or filter.
    spec : ImageSpec
        The image spec of the corpus.
    neighbours : int
        How many neighbours to show on either side.

    Raises
    ------
    InputError
        When it is read, if the epochs of a recording do not ascend.
    """
    from datasets import IterableDataset

    if not checked_count(neighbours):
        return rows
    shards = list(range(rows.num_shards))
    how = {"rows": rows, "shards": shards, "blank": blank(spec), "neighbours": neighbours}
    return IterableDataset.from_generator(_stream, gen_kwargs=how)


class Neighbours:
    """The transform that `attach` sets: it adds images to a batch, a dictionary of columns.

    `Dataset.with_transform` takes one transform. To do more with the images, call this one in your
    own. It holds no picture when it is sent to the workers of a data loader.
    """

    def __init__(self, among, spec: ImageSpec, neighbours: int):
        self.pictures = among.select_columns("images").with_format(None)
        self.blank, self.neighbours = blank(spec), neighbours
        self.recordings: dict[str, int] = {}
        batches = among.select_columns(list(KEY)).with_format("arrow").iter(100_000)
        end = np.array([np.iinfo(np.int64).max])  # larger than any key that is searched for
        keys = np.concatenate([*map(self._keys, batches), end])
        self.rows = np.argsort(keys, kind="stable")
        self.keys = keys[self.rows]

    def __call__(self, batch: dict[str, list]) -> dict[str, list]:
        if "images" not in batch:
            return batch  # only other columns are asked for
        if missing := [name for name in (*KEY, "prompt") if name not in batch]:
            raise InputError(
                f"no column {missing[0]}, which is needed to find neighbours; expected "
                f"{', '.join(KEY)} and prompt: keep them (in TRL, remove_unused_columns=False)"
            )
        import pyarrow as pa

        steps = np.arange(-self.neighbours, self.neighbours + 1)
        keys = self._keys(pa.table({name: batch[name] for name in KEY}))[:, None] + steps
        at = np.searchsorted(self.keys, keys)
        found = self.keys[at] == keys
        found[:, self.neighbours] = True  # the epoch itself, whether `among` has it or not
        rows = np.where(found, self.rows[at], -1)
        rows[:, self.neighbours] = -1
        wanted = np.unique(rows[rows >= 0]).tolist()  # every picture is decoded once
        decoded = self.pictures[wanted]["images"] if wanted else []
        pictures = {row: image for row, (image, *_) in zip(wanted, decoded, strict=True)}
        images = [[pictures.get(row, self.blank) for row in near] for near in rows.tolist()]
        for near, own in zip(images, batch["images"], strict=True):
            near[self.neighbours] = own[0]
        prompts = [_prompt(messages, self.neighbours) for messages in batch["prompt"]]
        return {**batch, "images": images, "prompt": prompts, "shown": found.tolist()}

    def _keys(self, table) -> np.ndarray:
        """Return recordings and epochs as numbers; the next epoch has the next number."""
        import pyarrow.compute as pc

        names = pc.binary_join_element_wise(table["cohort"], table["recording"], "\0")
        names = names.combine_chunks().dictionary_encode()
        numbers = [
            self.recordings.setdefault(name, len(self.recordings))
            for name in names.dictionary.to_pylist()
        ]
        numbers = np.array(numbers, np.int64)[names.indices.to_numpy()]
        return numbers * _EPOCHS + table["epoch"].to_numpy()


def _stream(rows, shards: list[int], blank, neighbours: int) -> Iterator[dict]:
    for shard in shards:
        for row in windows(_shard(rows, shard, neighbours), blank, neighbours):
            if "prompt" in row:
                row["prompt"] = _prompt(row["prompt"], neighbours)
            yield row


def _shard(rows, shard: int, neighbours: int) -> Iterator[tuple[bool, dict]]:
    """Yield the rows of a shard and some after it, and whether this shard gives their windows.

    The windows of the first rows of a shard are given by the shard before, which has the rows that
    come before them. Every window is therefore given once, and complete.
    """
    position, first = 0, 0 if shard == 0 else neighbours
    for row in _examples(rows, shard):
        yield position >= first, row
        position += 1
    later = (_examples(rows, number) for number in range(shard + 1, rows.num_shards))
    for place, row in enumerate(islice(chain.from_iterable(later), 2 * neighbours)):
        yield place < neighbours and position + place >= first, row


def _examples(rows, shard: int) -> Iterator[dict]:
    # A plain `for` would share this shard among the workers of the loader again; `iter` does not.
    for batch in rows.shard(rows.num_shards, shard).iter(batch_size=8):
        for values in zip(*batch.values(), strict=True):
            yield dict(zip(batch, values, strict=True))


def _prompt(messages: list[dict], neighbours: int) -> list[dict]:
    """Return the question of a row, for a row with neighbours."""
    (message,) = messages
    (text,) = (part["text"] for part in message["content"] if part["type"] == "text")
    return chat.prompt(text, 2 * neighbours + 1)
