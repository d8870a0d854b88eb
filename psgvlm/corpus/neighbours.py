"""Rows of a corpus with the images of their neighbouring epochs, looked up when they are read.

A corpus holds every picture once. `attach` gives the rows of a dataset 2 k + 1 images, `stream`
those of a stream: k before, the epoch itself, k after, in the order of time. Where a neighbour is
not in the dataset its picture is blank, and its place in the column `shown` is false.
"""

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np

from psgvlm import chat
from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.nights.neighbours import blank, checked_count, windows

KEY = ("cohort", "recording", "epoch")

_EPOCHS = 1 << 32  # more than an epoch's index can be


def attach(rows, spec: ImageSpec, context: int, among=None):
    """A `datasets.Dataset` whose rows have the images of `context` neighbours on either side.

    Neighbours are looked up in the dataset `among`, by default `rows` itself: give it the whole
    split, unscored epochs too, where `rows` are a selection. The result can be shuffled, selected
    from and read by loader workers. TRL's trainer takes it with `remove_unused_columns=False`:
    the columns of `KEY` must stay.
    """
    if not checked_count(context):
        return rows
    return rows.with_transform(Neighbours(rows if among is None else among, spec, context))


def stream(rows, spec: ImageSpec, context: int):
    """The same of a `datasets.IterableDataset` in the corpus' order: before any shuffle or filter.

    Shards may be cut anywhere. Loader workers share them as they share those of `rows`, and read
    2 x `context` rows beyond each. Raises `InputError` where epochs of a recording do not ascend.
    """
    from datasets import IterableDataset

    if not checked_count(context):
        return rows
    shards = list(range(rows.num_shards))
    how = {"rows": rows, "shards": shards, "blank": blank(spec), "context": context}
    return IterableDataset.from_generator(_stream, gen_kwargs=how)


class Neighbours:
    """What `attach` makes of a dataset's batches, a dictionary of columns each.

    For `Dataset.with_transform`, which takes one transform: call it in yours where there is more to
    be done with the images. It travels to workers without any picture.
    """

    def __init__(self, among, spec: ImageSpec, context: int):
        self.pictures = among.select_columns("images").with_format(None)
        self.blank, self.context = blank(spec), context
        self.recordings: dict[str, int] = {}
        batches = among.select_columns(list(KEY)).with_format("arrow").iter(100_000)
        end = np.array([np.iinfo(np.int64).max])  # what is searched for lies before it
        keys = np.concatenate([*map(self._keys, batches), end])
        self.rows = np.argsort(keys, kind="stable")
        self.keys = keys[self.rows]

    def __call__(self, batch: dict[str, list]) -> dict[str, list]:
        if "images" not in batch:
            return batch  # other columns alone are asked for
        if missing := [name for name in (*KEY, "prompt") if name not in batch]:
            raise InputError(
                f"no column {missing[0]} to find an epoch's neighbours by; expected "
                f"{', '.join(KEY)} and prompt: keep them (TRL: remove_unused_columns=False)"
            )
        import pyarrow as pa

        steps = np.arange(-self.context, self.context + 1)
        keys = self._keys(pa.table({name: batch[name] for name in KEY}))[:, None] + steps
        at = np.searchsorted(self.keys, keys)
        found = self.keys[at] == keys
        found[:, self.context] = True  # the epoch itself, whether `among` has it or not
        rows = np.where(found, self.rows[at], -1)
        rows[:, self.context] = -1
        wanted = np.unique(rows[rows >= 0]).tolist()  # no picture is decoded twice
        decoded = self.pictures[wanted]["images"] if wanted else []
        pictures = {row: image for row, (image, *_) in zip(wanted, decoded, strict=True)}
        images = [[pictures.get(row, self.blank) for row in near] for near in rows.tolist()]
        for near, own in zip(images, batch["images"], strict=True):
            near[self.context] = own[0]
        prompts = [_prompt(messages, self.context) for messages in batch["prompt"]]
        return {**batch, "images": images, "prompt": prompts, "shown": found.tolist()}

    def _keys(self, table) -> np.ndarray:
        """Rows' recordings and epochs as numbers, that of the next epoch larger by one."""
        import pyarrow.compute as pc

        names = pc.binary_join_element_wise(table["cohort"], table["recording"], "\0")
        names = names.combine_chunks().dictionary_encode()
        numbers = [
            self.recordings.setdefault(name, len(self.recordings))
            for name in names.dictionary.to_pylist()
        ]
        numbers = np.array(numbers, np.int64)[names.indices.to_numpy()]
        return numbers * _EPOCHS + table["epoch"].to_numpy()


def _stream(rows, shards: list[int], blank, context: int) -> Iterator[dict]:
    for shard in shards:
        for row in windows(_shard(rows, shard, context), blank, context):
            if "prompt" in row:
                row["prompt"] = _prompt(row["prompt"], context)
            yield row


def _shard(rows, shard: int, context: int) -> Iterator[tuple[bool, dict]]:
    """A shard's rows and those after it, each with whether its window is this shard's to give.

    The windows of a shard's first `context` rows are given by the shard before, which knows what
    comes before them; so every window is given once, and whole.
    """
    position, first = 0, 0 if shard == 0 else context
    for row in _examples(rows, shard):
        yield position >= first, row
        position += 1
    later = (_examples(rows, number) for number in range(shard + 1, rows.num_shards))
    for place, row in enumerate(islice(chain.from_iterable(later), 2 * context)):
        yield place < context and position + place >= first, row


def _examples(rows, shard: int) -> Iterator[dict]:
    # A plain `for` would share this shard among the loader's workers once more; `iter` does not.
    for batch in rows.shard(rows.num_shards, shard).iter(batch_size=8):
        for values in zip(*batch.values(), strict=True):
            yield dict(zip(batch, values, strict=True))


def _prompt(messages: list[dict], context: int) -> list[dict]:
    """A row's own question, about the middle one of the images."""
    (message,) = messages
    (text,) = (part["text"] for part in message["content"] if part["type"] == "text")
    return chat.prompt(text, 2 * context + 1)
