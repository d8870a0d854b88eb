"""Neighbours: the epochs before and after an epoch, which a model is shown as further images.

Neighbours are found by the number of the epoch in its record. A neighbour that lies in a gap or
beyond an end of the record is shown as a blank image.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain, count

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.images import raster

MAX_NEIGHBOURS = 10


def around(
    pictures: Iterable, spec: ImageSpec, neighbours: int, epochs: Iterable[int] | None = None
) -> Iterator[list]:
    """Yield each image of a night in a list with the images of its neighbours.

    Parameters
    ----------
    pictures : iterable of PIL images
        The images of one night in the order of time.
    spec : ImageSpec
        The spec that they were drawn by.
    neighbours : int
        How many neighbours there are on either side, from 0 to `MAX_NEIGHBOURS`.
    epochs : iterable of int, optional
        The numbers of the epochs in the record; a number that is left out was not recorded.
        Default: 0, 1, 2 and so on.

    Yields
    ------
    list of PIL images
        2 x `neighbours` + 1 images in the order of time; the epoch's own image is in the middle.

    Raises
    ------
    InputError
        If there cannot be as many neighbours, or if the numbers of the epochs do not ascend.

    Examples
    --------
    >>> from psgvlm.image_spec import PRESETS
    >>> images = list("abc")  # these could be PIL images
    >>> [near[1:] for near in around(images, PRESETS["square"], 1)][:2]
    [['a', 'b'], ['b', 'c']]
    """
    numbers = count() if epochs is None else epochs
    rows = (
        {"epoch": n, "images": [picture]} for n, picture in zip(numbers, pictures, strict=False)
    )
    for row in windows(((True, row) for row in rows), blank(spec), checked_count(neighbours)):
        yield row["images"]


def checked_count(count: int) -> int:
    """Return a number of neighbours; raise InputError if it is not from 0 to `MAX_NEIGHBOURS`."""
    if not 0 <= count <= MAX_NEIGHBOURS:
        raise InputError(f"{count} neighbours; expected 0 to {MAX_NEIGHBOURS} on either side")
    return count


def blank(spec: ImageSpec):
    """Return the image of a neighbour that does not exist: a PIL image without traces."""
    from PIL import Image

    return Image.fromarray(raster.blank_image(spec))


def windows(rows: Iterable[tuple[bool, dict]], blank, neighbours: int) -> Iterator[dict]:
    """Yield rows with the images of their neighbours.

    Each row is yielded as soon as the last of its neighbours is read, so that no more than
    2 x `neighbours` + 1 rows are in memory.

    Parameters
    ----------
    rows : iterable of (bool, dict)
        Rows with the keys `epoch` and `images` (and `cohort` and `recording` if they come from
        several recordings), in the order of time. The bool says whether the row is yielded; if not,
        it only serves as a neighbour.
    blank : PIL image
        The image of a neighbour that is not among the rows.
    neighbours : int
        How many neighbours there are on either side.

    Yields
    ------
    dict
        The row, with its neighbours' images in `images`, and in `shown` whether each of them is
        among the rows.

    Raises
    ------
    InputError
        If the epochs of a recording do not ascend.
    """
    nothing = (False, None)
    window = deque([nothing] * neighbours, 2 * neighbours + 1)
    for entry in chain(rows, [nothing] * neighbours):
        window.append(entry)
        _, last = window[-1]
        before = window[-2][1] if neighbours else None
        same = last and before and _recording(last) == _recording(before)
        if same and last["epoch"] <= before["epoch"]:
            raise InputError(
                f"recording {last.get('recording')}: epoch {last['epoch']} after epoch "
                f"{before['epoch']}; expected the order of the corpus: add the neighbours before "
                "any shuffle"
            )
        wanted, row = window[neighbours] if len(window) == window.maxlen else nothing
        if not wanted:
            continue
        own = _recording(row)
        near = {r["epoch"]: r["images"][0] for _, r in window if r and _recording(r) == own}
        epochs = range(row["epoch"] - neighbours, row["epoch"] + neighbours + 1)
        row = {**row, "images": [near.get(epoch, blank) for epoch in epochs]}
        row["shown"] = [epoch in near for epoch in epochs]
        yield row


def _recording(row: dict) -> tuple[str | None, str | None]:
    return row.get("cohort"), row.get("recording")
