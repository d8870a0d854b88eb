"""yasa's stager, trained by its authors on some 3000 nights of the NSRR (Vallat & Walker 2021)."""

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.signals.resampling import at_rate
from psgvlm.stages import EPOCH_S, STAGES

RATE_HZ = 100  # yasa resamples every signal to this rate
# yasa takes one lane of each modality. It was trained on C4-M1 or C3-M2, E1 and the chin.
PREFERRED = {"EEG": ("C4-M1", "C3-M2"), "EOG": ("E1", "E2"), "EMG": ("chin",)}


class YasaBaseline:
    """Stages a night with yasa from one EEG derivation and, if recorded, an EOG and the chin EMG.

    yasa gets the unfiltered signals, since it filters by itself. Its 30-s grid starts at the
    night's first epoch. An epoch off that grid (20-s scores extended to 30 s, or a gap) takes the
    stage of the grid epoch that it overlaps most.
    """

    name = "yasa"

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "YasaBaseline":
        """Do nothing: yasa is trained already."""
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        """Return yasa's probabilities, shape (n_epochs, 5).

        Raises `InputError` if the night has no EEG lane, or if yasa cannot stage it.
        """
        import logging
        import warnings

        import mne
        import yasa

        starts_s = night.require_signal().starts_s
        first_s = starts_s.min() % EPOCH_S
        chosen = _choose(night)
        first = round(first_s * RATE_HZ)
        signals = [at_rate(trace, RATE_HZ)[first:] for trace in chosen.values()]
        shortest = min(map(len, signals))  # with different rates, last samples differ
        volts = np.array([samples[:shortest] for samples in signals], float) * 1e-6
        names = [modality.lower() for modality in chosen]
        raw = mne.io.RawArray(volts, mne.create_info(names, RATE_HZ, names), verbose="error")
        logger = logging.getLogger("yasa")
        level = logger.level
        try:
            logger.setLevel(logging.ERROR)  # yasa warns of short nights
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # yasa divides by the power of flat signals
                stager = yasa.SleepStaging(raw, eeg_name="eeg",
                                           eog_name="eog" if "EOG" in chosen else None,
                                           emg_name="emg" if "EMG" in chosen else None)  # fmt: skip
                proba = stager.predict().proba
        except ValueError as error:
            raise InputError(f"{night.name}: yasa cannot stage this night ({error})") from error
        finally:
            logger.setLevel(level)
        yasa_names = {"W": "WAKE", "R": "REM"}
        p = proba[[yasa_names.get(stage, stage) for stage in STAGES]].to_numpy(float)
        own = np.clip(np.round((starts_s - first_s) / EPOCH_S).astype(int), 0, len(p) - 1)
        return p[own] / p[own].sum(axis=1, keepdims=True)


def _choose(night: CorpusNight) -> dict:
    """Return the preferred trace of each modality that the night has, EEG first."""
    signal = night.require_signal()
    lanes, traces = signal.lanes.lanes, signal.raw_traces()
    chosen = {}
    for modality, preferred in PREFERRED.items():
        available = {
            lane.name: trace
            for lane, trace in zip(lanes, traces, strict=True)
            if trace and lane.modality == modality
        }
        for name in [*preferred, *available]:
            if name in available:
                chosen.setdefault(modality, available[name])
    if "EEG" not in chosen:
        raise InputError(f"{signal.path}: no EEG lane; expected one, since yasa needs it")
    return chosen
