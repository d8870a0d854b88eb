"""Neighbours: the epochs before and after an epoch, shown as further images.

Neighbours go by the record's own epoch number. Where a neighbour lies in a gap or beyond the ends
of the record, its picture is the empty ground of the image spec.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, count

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster

MAX_NEIGHBOURS = 10


def around(
    pictures: Iterable, spec: ImageSpec, context: int, epochs: Iterable[int] | None = None
) -> Iterator[list]:
    """Lists of 2 x `context` + 1 pictures, one for each picture of a night.

    `epochs` are their indices in the record, where it has gaps.
    """
    numbers = count() if epochs is None else epochs
    rows = (
        {"epoch": n, "images": [picture]} for n, picture in zip(numbers, pictures, strict=False)
    )
    for row in windows(((True, row) for row in rows), blank(spec), checked_count(context)):
        yield row["images"]


def checked_count(count: int) -> int:
    """Return the number of neighbours on either side if a model can have it, else raise."""
    if not 0 <= count <= MAX_NEIGHBOURS:
        raise InputError(f"{count} neighbours; expected 0 to {MAX_NEIGHBOURS} on either side")
    return count


def blank(spec: ImageSpec):
    """The picture that stands for a neighbour that is not there: the ground without traces."""
    from PIL import Image

    return Image.fromarray(raster.blank_image(spec))


def windows(rows: Iterable[tuple[bool, dict]], blank, context: int) -> Iterator[dict]:
    """Rows with their neighbours' images, each as soon as the last of its neighbours is read."""
    nothing = (False, None)
    window = deque([nothing] * context, 2 * context + 1)
    for given in chain(rows, [nothing] * context):
        window.append(given)
        _, last = window[-1]
        before = window[-2][1] if context else None
        same = last and before and _recording(last) == _recording(before)
        if same and last["epoch"] <= before["epoch"]:
            raise InputError(
                f"recording {last.get('recording')}: epoch {last['epoch']} after epoch "
                f"{before['epoch']}; expected the corpus' order: context before any shuffle"
            )
        wanted, row = window[context] if len(window) == window.maxlen else nothing
        if not wanted:
            continue
        own = _recording(row)
        near = {r["epoch"]: r["images"][0] for _, r in window if r and _recording(r) == own}
        epochs = range(row["epoch"] - context, row["epoch"] + context + 1)
        row = {**row, "images": [near.get(epoch, blank) for epoch in epochs]}
        row["shown"] = [epoch in near for epoch in epochs]
        yield row


def _recording(row: dict) -> tuple:
    return row.get("cohort"), row.get("recording")
