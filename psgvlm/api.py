"""The functions of `import psgvlm`: stage a night, draw it, explain an epoch, load a model."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, overload

from psgvlm.errors import InputError
from psgvlm.image_spec import ImageSpec
from psgvlm.stages import EPOCH_S

if TYPE_CHECKING:
    from mne.io import BaseRaw
    from PIL.Image import Image

    from psgvlm.explanations import Explanation
    from psgvlm.models.vlm import StagingModel
    from psgvlm.nights.night import Night
    from psgvlm.staging.stager import StagedNight, Stager


def stage(
    recording: "str | os.PathLike[str] | BaseRaw",
    model: "str | os.PathLike[str] | Stager | None" = None,
    *,
    map: str = "",
    strict: bool = False,
    device: str | None = None,
    batch_size: int = 32,
    progress: bool = False,
) -> "StagedNight":
    """Stage one night of sleep.

    Parameters
    ----------
    recording : path or mne.io.Raw
        The night: an EDF or EDF+ file, another file that MNE reads, or a Raw object. It needs at
        least one EEG channel; lanes that it lacks are drawn empty.
    model : path, str or Stager
        The model: a folder that `psgvlm train` wrote, the name of a model on the Hugging Face Hub,
        or a `Stager`, which is loaded once for many nights.
    map : str, optional
        Labels that psgvlm does not know, such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`.
    strict : bool, default False
        Whether to refuse a recording if a substitute would fill a lane.
    device : str, optional
        Where the model runs, such as `"cpu"` or `"cuda"`. Default: cuda if there is one.
    batch_size : int, optional
        How many epochs the model takes at a time.
    progress : bool, optional
        Whether to show a progress bar on stderr.

    Returns
    -------
    StagedNight
        The stage and the probabilities of every epoch that was recorded as a whole.

    Raises
    ------
    InputError
        If the recording or the model cannot be used.

    Examples
    --------
    >>> import psgvlm
    >>> night = psgvlm.stage("night.edf", model="adapter")
    >>> night.to_frame().columns.to_list()
    ['epoch', 'onset_s', 'stage', 'p_W', 'p_N1', 'p_N2', 'p_N3', 'p_R']
    >>> night.probabilities.shape  # epochs and stages
    (5, 5)
    """
    from psgvlm.staging.stager import Stager

    stager = model if isinstance(model, Stager) else Stager(_named(model), device, batch_size)
    return stager.stage(stager.open(recording, map, strict=strict), progress)


def load_model(model: "str | os.PathLike[str]", device: str | None = None) -> "StagingModel":
    """Load a model, its processor and its image spec.

    Parameters
    ----------
    model : path or str
        A folder that `psgvlm train` wrote, or the name of a model on the Hugging Face Hub.
    device : str, optional
        Where the model runs, such as `"cpu"` or `"cuda"`. Default: cuda if there is one.

    Returns
    -------
    StagingModel
        With the attributes `model`, `processor`, `spec` (how its images are drawn) and
        `neighbours` (how many neighbouring epochs it is shown on either side).

    Raises
    ------
    InputError
        If there is no such model, or it was not trained by psgvlm.

    Examples
    --------
    >>> import psgvlm
    >>> model = psgvlm.load_model("adapter")
    >>> model.spec.name, model.neighbours
    ('square', 0)
    """
    from psgvlm.models import vlm

    return vlm.load(_named(model), device)


def draw(
    recording: "str | os.PathLike[str] | BaseRaw",
    image: str | ImageSpec = "wide",
    *,
    map: str = "",
    strict: bool = False,
) -> "EpochImages":
    """Draw the epochs of a night as a model sees them.

    Parameters
    ----------
    recording : path or mne.io.Raw
        The night: an EDF or EDF+ file, another file that MNE reads, or a Raw object.
    image : str or ImageSpec, optional
        How to draw: the name of a preset, a preset with changed fields such as
        `"wide,line_px=2"`, the path of an `image_spec.json`, or a spec.
    map : str, optional
        Labels that psgvlm does not know, such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`.
    strict : bool, default False
        Whether to refuse a recording if a substitute would fill a lane.

    Returns
    -------
    EpochImages
        A sequence of PIL images, one for every 30 s of the record. Each is drawn when it is used.

    Raises
    ------
    InputError
        If the recording cannot be read or has no EEG, or if the image cannot be drawn.

    Examples
    --------
    >>> import psgvlm
    >>> images = psgvlm.draw("night.edf", image="compact")
    >>> len(images)
    5
    >>> images[2].size  # a PIL image
    (448, 224)
    >>> images.night.sources["C4-M1"]
    'C4-M1'
    >>> len(images[1:4])
    3
    """
    from psgvlm.nights.night import Night

    spec = image if isinstance(image, ImageSpec) else ImageSpec.parse(image)
    return EpochImages(Night(recording, spec, map, strict=strict))


class EpochImages(Sequence["Image"]):
    """The images of a night's epochs: a sequence whose items are drawn when they are used.

    Item `i` shows the 30 s that begin 30 i seconds after the first sample. Where the record has a
    gap, the item is the empty ground, so that items stay in step with the clock. Iterating over it
    is faster than drawing items one by one.

    Attributes
    ----------
    night : Night
        The recording, its lanes (`night.sources`) and what is odd about it (`night.notes`).
    recorded : list of int
        The positions of the items that are not in a gap.
    """

    def __init__(self, night: "Night", numbers: range | None = None):
        self.night = night
        count = int((night.recording.duration_s + 1e-3) // EPOCH_S)
        self._numbers = range(count) if numbers is None else numbers
        self._row_of_number = {number: row for row, number in enumerate(night.epochs.tolist())}

    @property
    def recorded(self) -> list[int]:
        """The positions of the items that are recorded as a whole, in order."""
        return [i for i, number in enumerate(self._numbers) if number in self._row_of_number]

    def __len__(self) -> int:
        return len(self._numbers)

    @overload
    def __getitem__(self, index: int) -> "Image": ...
    @overload
    def __getitem__(self, index: slice) -> "EpochImages": ...
    def __getitem__(self, index: int | slice) -> "Image | EpochImages":
        if isinstance(index, slice):
            return EpochImages(self.night, self._numbers[index])
        try:
            number = self._numbers[index]
        except IndexError:
            raise IndexError(f"epoch {index} of {len(self)}") from None
        (image,) = self._draw([number])
        return image

    def __iter__(self) -> "Iterator[Image]":
        return self._draw(self._numbers)

    def __repr__(self) -> str:
        spec = self.night.spec
        gaps = len(self) - len(self.recorded)
        return (
            f"<{len(self)} epochs of {self.night.name} as {spec.name!r} images of "
            f"{spec.width} x {spec.height} px{f', {gaps} of them in gaps' if gaps else ''}>"
        )

    def _draw(self, numbers: Sequence[int]) -> "Iterator[Image]":
        from psgvlm.nights.neighbours import blank

        rows = [self._row_of_number.get(number) for number in numbers]
        images = self.night.pictures([row for row in rows if row is not None])
        for row in rows:
            yield blank(self.night.spec) if row is None else next(images)


def explain(
    source: "str | os.PathLike[str] | BaseRaw | Night | Image | Sequence[Image]",
    epoch: int | None = None,
    *,
    model: "str | os.PathLike[str] | StagingModel | Stager | None" = None,
    method: str = "ablation",
    stage: str | None = None,
    map: str = "",
    device: str | None = None,
) -> "Explanation":
    """Measure which lanes and seconds of an epoch decide its stage.

    Parameters
    ----------
    source : path, mne.io.Raw, Night, PIL image or list of PIL images
        The night that holds the epoch, or the epoch's own image. A model that is shown
        neighbouring epochs takes the list of all its images, in the order of time.
    epoch : int, optional
        The number of the epoch in the night, from 1 as in `StagedNight.to_frame`. Required for a
        night, not for images.
    model : path, str, StagingModel or Stager
        The model: a folder, a name on the Hugging Face Hub, or one that is loaded already.
    method : str, optional
        `"ablation"`, `"patches"`, `"gradient"` or `"attention"`.
    stage : str, optional
        The stage to explain. Default: the one that the model finds most probable.
    map : str, optional
        Labels that psgvlm does not know, such as `"chin=EMG1 - EMG2,C4-M1=EEG C4"`.
    device : str, optional
        Where a model that is loaded here runs. Default: cuda if there is one.

    Returns
    -------
    Explanation
        `sentence` says it in words, `lanes` and `seconds` in numbers, and `heat` by the pixel.
        A notebook shows it as an image with its heat map, which `save` writes.

    Raises
    ------
    InputError
        If the recording or the model cannot be used, or the epoch is not in the recording.

    Examples
    --------
    >>> import psgvlm
    >>> model = psgvlm.load_model("adapter")
    >>> explanation = psgvlm.explain("night.edf", 2, model=model)
    >>> explanation.sentence
    '... (p 0...'
    >>> dict(zip(model.spec.lanes, explanation.lanes.round(2)))
    {'C4-M1': ..., 'E1': ..., 'E2': ..., 'chin': ...}

    Images of your own take the place of the recording:

    >>> image = psgvlm.draw("night.edf", model.spec)[1]
    >>> psgvlm.explain(image, model=model).stage == explanation.stage
    True
    """
    from PIL.Image import Image

    from psgvlm import explanations
    from psgvlm.models.vlm import StagingModel
    from psgvlm.staging.stager import Night, Stager

    if isinstance(model, Stager):
        model = model.model
    if not isinstance(model, StagingModel):
        model = load_model(_named(model), device)
    if isinstance(source, Image):
        images = [source]
    elif isinstance(source, list | tuple):
        images = list(source)
    else:
        night = source if isinstance(source, Night) else Night(source, model.spec, map)
        images = _images_of_epoch(night, epoch, model.neighbours)
    return explanations.explain(model, images, method, stage)


def _images_of_epoch(night: "Night", epoch: int | None, neighbours: int) -> list:
    """Return the image of an epoch (its number counts from 1) among those of its neighbours."""
    numbers = night.epochs.tolist()
    if epoch is None or epoch - 1 not in numbers:
        raise InputError(
            f"{night.name}: epoch {epoch}; expected the number of an epoch that is recorded as a "
            f"whole, from {numbers[0] + 1} to {numbers[-1] + 1}",
            "epoch",
        )
    row = numbers.index(epoch - 1)
    (images,) = night.pictures_with_neighbours(neighbours, row, row + 1)
    return images


def _named(model: str | os.PathLike[str] | None) -> str:
    """Return a model's name or folder as text; refuse None, since no model ships with psgvlm."""
    if model is None:
        raise InputError(
            "no model: no trained model comes with psgvlm; expected a folder that psgvlm train "
            'wrote, or the name of a model on the Hub, such as model="ORG/adapter"',
            "model",
        )
    return os.fspath(model)
