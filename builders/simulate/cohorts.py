"""Recordings of the cohorts, one after another or several at a time.

Each cohort's module (`isruc`, `mass`, `shhs`) has `Recording`, what may differ between its
recordings; `usual`, the recording at an index; `VARIANTS`, one of every kind there is; and `write`.
"""

import zlib
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path

COHORTS = ("isruc", "mass", "shhs")


def write_recording(cohort, root, hours, seed, index):
    """The usual recording at `index` of a cohort, and its truth. Returns the recording's name."""
    key = (zlib.crc32(cohort.encode()), index)
    return _write(cohort, root, hours, seed, _module(cohort).usual(index), key)


def write_variant(root, hours, seed, cohort, recording):
    """A recording of any kind, and its truth. Returns the recording's name."""
    return _write(cohort, root, hours, seed, recording, variant_key(cohort, recording))


def write_cohort(cohort, root, subjects, hours=8.0, seed=0, workers=1, done=None):
    """Write `subjects` recordings of `hours` scored hours each under `root`; returns their names.

    The files depend on cohort, index, hours and seed alone, not on the number of workers. `done`
    is called with each name once that recording is written.
    """
    write = partial(write_recording, cohort, root, hours, seed)
    return _map(write, [(index,) for index in range(subjects)], workers, done)


def write_variants(root, hours=0.5, seed=0, cohorts=COHORTS, workers=1, done=None):
    """Write one small tree with every variant of the raw formats under `root`.

    Files are called and lie as those that users have. Returns the recordings' names by cohort;
    `workers` and `done` are those of `write_cohort`.
    """
    wanted = [(cohort, recording) for cohort in cohorts for recording in variants(cohort)]
    names = _map(partial(write_variant, root, hours, seed), wanted, workers, done)
    return {
        cohort: [name for name, (of, _) in zip(names, wanted, strict=True) if of == cohort]
        for cohort in cohorts
    }


def variants(cohort):
    """The recordings that `write_variants` writes, as descriptions."""
    return _module(cohort).VARIANTS


def variant_key(cohort, recording):
    """What `streams` tells a variant by, so that a new one changes no other."""
    return (zlib.crc32(f"{cohort} {recording.name}".encode()),)


def streams(seed, key):
    """The seed of a recording's night, and that of what happens to its files."""
    import numpy as np

    words = np.random.SeedSequence([seed, *key]).generate_state(2, np.uint64)
    return tuple(int(word) for word in words)


def _module(cohort):
    # imported when there is something to write: scipy and edfio would keep --help waiting
    return import_module(f"psgvlm.builders.simulate.{cohort}")


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
