"""Other ways to stage the same nights, with which a model is compared.

Every baseline has a `name` and two methods:

- `fit(train, validation)` takes lists of `psgvlm.evaluation.corpus_nights.CorpusNight` and returns
  the baseline itself;
- `probabilities(night)` returns float64 of shape (n_epochs, 5): W, N1, N2, N3, R for each of the
  night's rows, in their order, summing to 1.

The same nights, seed and number of threads give the same numbers.

`majority`, `transitions`, `vision-only` and `zero-shot` need only the corpus. The others read the
signals and need nights whose recording is open (see `psgvlm.evaluation.corpus_nights`). The
recording may be damaged; then every baseline reads the damaged signals.
"""

from psgvlm.errors import InputError
from psgvlm.evaluation.baseline_names import NAMES, NETWORKS, OF_A_MODEL

__all__ = ["make"]


def make(name: str, model=None, seed: int = 0, max_seconds: float = float("inf")):
    """Make a baseline, not yet fitted.

    Parameters
    ----------
    name : str
        One of `psgvlm.evaluation.baseline_names.NAMES`.
    model : StagingModel, optional
        The model that `vision-only` and `zero-shot` are made from.
    seed : int
        Seed of a network's weights and of its training.
    max_seconds : float
        The longest training of a network, in seconds.

    Raises
    ------
    InputError
        If the name is not known, or for `zero-shot` of a model that is not an adapter.
    """
    from psgvlm.evaluation.baselines.fitting import SignalNetwork
    from psgvlm.evaluation.baselines.floors import MajorityBaseline, TransitionBaseline
    from psgvlm.evaluation.baselines.networks import ARCHITECTURES
    from psgvlm.evaluation.baselines.vision import VisionProbe, ZeroShot
    from psgvlm.evaluation.baselines.yasa_stager import YasaBaseline

    if name in NETWORKS:
        return SignalNetwork(ARCHITECTURES[name], max_seconds=max_seconds, seed=seed)
    if name in OF_A_MODEL:
        return {"vision-only": VisionProbe, "zero-shot": ZeroShot}[name](model)
    simple = {
        "majority": MajorityBaseline,
        "transitions": TransitionBaseline,
        "yasa": YasaBaseline,
    }
    if name not in simple:
        raise InputError(f"no baseline {name!r}; expected one of {', '.join(NAMES)}")
    return simple[name]()
