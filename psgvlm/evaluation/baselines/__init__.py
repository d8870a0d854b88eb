"""What a model that looks is held against: other ways to stage the same nights.

Every baseline has a `name` and two methods. `fit(train, validation)` takes lists of
`psgvlm.evaluation.corpus_nights.Night` and returns the baseline itself, `probabilities(night)` a
float64
array of shape (n_epochs, 5): W, N1, N2, N3, R, one row for each of the night's rows, in their
order, summing to 1. The same nights, seed and number of threads give the same numbers.

`majority`, `transitions`, `vision-only` and `zero-shot` need no more than the corpus. The others
read the signal: they need nights whose recording is open (`evaluation/corpus_nights.py`). It
may be damaged, as long as it answers as `Recording` does; then all baselines are given the damage.
"""

from psgvlm.errors import InputError

NETWORKS = ("chambon2018", "usleep", "cbramod-from-scratch")
OF_A_MODEL = ("vision-only", "zero-shot")
NAMES = ("majority", "transitions", "yasa", *NETWORKS, *OF_A_MODEL)
FLOORS = ("majority", "transitions")  # what does not look at anything
FITTED = tuple(name for name in NAMES if name not in ("yasa", "zero-shot"))
WHAT = {
    "majority": "the commonest stage of the train split, for every epoch",
    "transitions": "how stages follow one another in the train split; it does not look",
    "yasa": "yasa's stager, trained by its authors on nights of the NSRR; reads the signals",
    "chambon2018": "SleepStagerChambon2018, trained here on the signals of the same lanes",
    "usleep": "U-Sleep's architecture, trained here on the signals of the same lanes",
    "cbramod-from-scratch": "CBraMod's architecture, trained here on the signals of the same lanes",
    "vision-only": "a linear probe, fitted here on what the model's vision tower gives",
    "zero-shot": "the base model without the adapter, same pictures and question",
}


def make(name: str, model=None, seed: int = 0, max_seconds: float = float("inf")):
    """The baseline of this name, not yet fitted.

    `model` is the `StagingModel` that vision-only and zero-shot are of; `max_seconds`
    bounds the training of a network. Raises `InputError` for an unknown name, and for zero-shot of
    a model that is no adapter.
    """
    from psgvlm.evaluation.baselines.fitting import SignalNetwork
    from psgvlm.evaluation.baselines.floors import Majority, Transitions
    from psgvlm.evaluation.baselines.networks import ARCHITECTURES
    from psgvlm.evaluation.baselines.vision import VisionOnly, ZeroShot
    from psgvlm.evaluation.baselines.yasa_stager import Yasa

    if name in NETWORKS:
        return SignalNetwork(ARCHITECTURES[name], max_seconds=max_seconds, seed=seed)
    if name in OF_A_MODEL:
        return {"vision-only": VisionOnly, "zero-shot": ZeroShot}[name](model)
    simple = {"majority": Majority, "transitions": Transitions, "yasa": Yasa}
    if name not in simple:
        raise InputError(f"baseline {name!r}: no such; expected one of {', '.join(NAMES)}")
    return simple[name]()
