"""Montages: which lanes a picture has, from the top, and the modality of each lane."""

MODALITIES = ("EEG", "EOG", "EMG", "ECG")

# Every lane that a montage may have. Which label of a recording fills it: recordings/lanes.py.
MODALITY = {
    **dict.fromkeys(("F3-M2", "F4-M1", "C3-M2", "C4-M1", "O1-M2", "O2-M1"), "EEG"),
    **dict.fromkeys(("E1", "E2"), "EOG"),
    "chin": "EMG",
    "ECG": "ECG",
}

MONTAGES: dict[str, tuple[str, ...]] = {
    # What every one of ISRUC, MASS and SHHS recorded, and enough to stage by.
    "core": ("C4-M1", "E1", "E2", "chin"),
    # The AASM manual's recommended derivations.
    "aasm": ("F4-M1", "C4-M1", "O2-M1", "E1", "E2", "chin"),
    # One lane a modality, as in arXiv 2509.22810.
    "paper": ("C4-M1", "E1", "chin", "ECG"),
    # All that SHHS has for staging.
    "shhs": ("C3-M2", "C4-M1", "E1", "E2", "chin", "ECG"),
}
