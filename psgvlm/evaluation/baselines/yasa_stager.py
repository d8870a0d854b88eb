"""yasa's stager, trained by its authors on some 3000 nights of the NSRR (Vallat & Walker 2021)."""

import numpy as np

from psgvlm.errors import InputError
from psgvlm.evaluation.corpus_nights import CorpusNight
from psgvlm.signals.resampling import at_rate
from psgvlm.stages import EPOCH_S, STAGES

RATE_HZ = 100  # the rate that it brings every signal to by itself
# Of each modality it takes one lane, best first: it was trained on C4-M1 or C3-M2, E1 and the chin.
PREFERRED = {"EEG": ("C4-M1", "C3-M2"), "EOG": ("E1", "E2"), "EMG": ("chin",)}


class Yasa:
    """Stages a night from one EEG derivation, and an EOG and the chin EMG where there are any.

    It is given the signals as they were recorded: it filters by itself. Its own 30-s grid is laid
    so that the first of the night's epochs falls on it; an epoch that does not (20-s scoring
    extended to 30 s, a gap) takes the one it shares most time with. There is nothing to fit, and
    the training nights are not looked at.
    """

    name = "yasa"

    def fit(self, train: list[CorpusNight], validation: list[CorpusNight]) -> "Yasa":
        return self

    def probabilities(self, night: CorpusNight) -> np.ndarray:
        import logging
        import warnings

        import mne
        import yasa

        starts_s = night.require_signal().starts_s
        first_s = starts_s.min() % EPOCH_S
        chosen = _choose(night)
        first = round(first_s * RATE_HZ)
        signals = [at_rate(trace, RATE_HZ)[first:] for trace in chosen.values()]
        shortest = min(map(len, signals))  # rates differ, and so does where the last sample lies
        volts = np.array([samples[:shortest] for samples in signals], float) * 1e-6
        names = [modality.lower() for modality in chosen]
        raw = mne.io.RawArray(volts, mne.create_info(names, RATE_HZ, names), verbose="error")
        logger = logging.getLogger("yasa")
        level = logger.level
        try:
            logger.setLevel(logging.ERROR)  # that a night is short is not its user's fault
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # divisions by the power of a flat signal
                stager = yasa.SleepStaging(raw, eeg_name="eeg",
                                           eog_name="eog" if "EOG" in chosen else None,
                                           emg_name="emg" if "EMG" in chosen else None)  # fmt: skip
                found = stager.predict().proba
        except ValueError as error:
            raise InputError(f"{night.name}: yasa cannot stage it ({error})") from error
        finally:
            logger.setLevel(level)
        named = {"W": "WAKE", "R": "REM"}
        p = found[[named.get(stage, stage) for stage in STAGES]].to_numpy(float)
        own = np.clip(np.round((starts_s - first_s) / EPOCH_S).astype(int), 0, len(p) - 1)
        return p[own] / p[own].sum(axis=1, keepdims=True)


def _choose(night: CorpusNight) -> dict:
    """One trace for each modality that the night has, EEG first."""
    signal = night.require_signal()
    lanes, traces = signal.lanes.lanes, signal.raw_traces()
    chosen = {}
    for modality, preferred in PREFERRED.items():
        found = {
            lane.name: trace
            for lane, trace in zip(lanes, traces, strict=True)
            if trace and lane.modality == modality
        }
        for name in [*preferred, *found]:
            if name in found:
                chosen.setdefault(modality, found[name])
    if "EEG" not in chosen:
        raise InputError(f"{signal.path}: no EEG lane; expected one: yasa stages by it")
    return chosen
