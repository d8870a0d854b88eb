"""Writing the recordings of the simulated cohorts, in one process or in several.

The module of each cohort (`isruc`, `sleep_edf`, ...) has a class for what may differ between its
recordings, `usual(index)` for a plain recording, `VARIANTS` for one recording of every kind, and
`write`, which writes the files of a recording. A module may have `write_shared`, which writes the
files that a cohort has once, such as a table of people.
"""

import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path

COHORTS = (
    "isruc",
    "mass",
    "shhs",
    "sleep-edf",
    "hmc",
    "psg-ipa",
    "cap",
    "dreams",
    "ucddb",
    "dod",
    "mesa",
    "mros",
    "cfs",
    "chat",
    "ccshs",
    "sof",
    "abc",
    "homepap",
    "wsc",
    "apples",
    "apoe",
    "nchsdb",
    "stages",
    "boas",
    "hsp",
    "anphy",
    "dcsm",
    "cinc2018",
    "slpdb",
)
# The cohorts that are written unless others are named.
DEFAULT_COHORTS = COHORTS[:3]


def write_recording(cohort, root, hours, seed, index):
    """Write the plain recording at an index of a cohort alone, and its truth.

    Parameters
    ----------
    cohort : str
        One of `COHORTS`.
    root : path
        The folder for all cohorts.
    hours : float
        Scored hours, at least 0.25.
    seed, index : int
        They decide what is simulated.

    Returns
    -------
    str
        The name of the recording, as a reader calls it.
    """
    name = _write_usual(cohort, root, hours, seed, index)
    _write_shared(cohort, root, [_module(cohort).usual(index)])
    return name


def write_variant(root, hours, seed, cohort, recording):
    """Write a recording of any kind, and its truth; return its name."""
    return _write(cohort, root, hours, seed, recording, variant_key(cohort, recording))


def write_cohort(cohort, root, subjects, hours=8.0, seed=0, workers=1, done=None):
    """Write plain recordings of a cohort, and their truth.

    Parameters
    ----------
    cohort : str
        One of `COHORTS`.
    root : path
        The folder for all cohorts.
    subjects : int
        How many recordings to write, each of another subject.
    hours : float
        Scored hours of each.
    seed : int
        The seed. The files depend on cohort, index, hours and seed, not on `workers`.
    workers : int
        The number of processes.
    done : callable, optional
        A function that is called with the name of each recording once it is written.

    Returns
    -------
    list of str
        The names of the recordings.
    """
    write = partial(_write_usual, cohort, root, hours, seed)
    names = _map(write, [(index,) for index in range(subjects)], workers, done)
    _write_shared(cohort, root, [_module(cohort).usual(index) for index in range(subjects)])
    return names


def write_variants(root, hours=0.5, seed=0, cohorts=DEFAULT_COHORTS, workers=1, done=None):
    """Write one recording of every kind that is known of the cohorts, and its truth.

    The names and folders of the files are those of the downloads. The parameters are those of
    `write_cohort`.

    Returns
    -------
    dict of str to list of str
        The names of the recordings by cohort.
    """
    wanted = [(cohort, recording) for cohort in cohorts for recording in variants(cohort)]
    names = _map(partial(write_variant, root, hours, seed), wanted, workers, done)
    for cohort in cohorts:
        _write_shared(cohort, root, variants(cohort))
    return {
        cohort: [name for name, (its, _) in zip(names, wanted, strict=True) if its == cohort]
        for cohort in cohorts
    }


def variants(cohort):
    """Return descriptions of the recordings that `write_variants` writes for a cohort."""
    return _module(cohort).VARIANTS


def variant_key(cohort, recording):
    """Return the key of a variant for `streams`; a new variant does not change the others."""
    return (zlib.crc32(f"{cohort} {recording.name}".encode()),)


def streams(seed, key):
    """Return two seeds of a recording: one for the night and one for its files."""
    import numpy as np

    words = np.random.SeedSequence([seed, *key]).generate_state(2, np.uint64)
    return tuple(int(word) for word in words)


def _module(cohort):
    # Imported only when something is written: scipy and edfio would delay `--help`.
    return import_module(f"psgvlm.builders.simulate.{cohort.replace('-', '_')}")


def _write_usual(cohort, root, hours, seed, index):
    key = (zlib.crc32(cohort.encode()), index)
    return _write(cohort, root, hours, seed, _module(cohort).usual(index), key)


def _write_shared(cohort, root, recordings):
    if write := getattr(_module(cohort), "write_shared", None):
        write(Path(root) / cohort, recordings)


def _write(cohort, root, hours, seed, recording, key):
    import numpy as np

    night_seed, writer_seed = streams(seed, key)
    rng = np.random.default_rng(writer_seed)
    truth = _module(cohort).write(Path(root) / cohort, recording, hours, night_seed, rng)
    truth.write(Path(root) / "truth" / cohort)
    return truth.recording


def _map(write, arguments, workers, done):
    columns = list(zip(*arguments, strict=True))
    names = []
    with ProcessPoolExecutor(workers) as pool:
        for name in (pool.map if workers > 1 else map)(write, *columns):
            names.append(name)
            if done:
                done(name)
    return names
