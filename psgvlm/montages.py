"""Montages: which lanes an image has, from the top, and the modality of each lane."""

MODALITIES = ("EEG", "EOG", "EMG", "ECG")

# Every lane that a montage may have. recordings/lanes.py finds the label that fills each.
MODALITY = {
    **dict.fromkeys(("F3-M2", "F4-M1", "C3-M2", "C4-M1", "O1-M2", "O2-M1"), "EEG"),
    **dict.fromkeys(("E1", "E2"), "EOG"),
    "chin": "EMG",
    "ECG": "ECG",
}

MONTAGES: dict[str, tuple[str, ...]] = {
    # The lanes that ISRUC, MASS and SHHS all have; they are enough for scoring.
    "core": ("C4-M1", "E1", "E2", "chin"),
    # The derivations that the AASM manual recommends.
    "aasm": ("F4-M1", "C4-M1", "O2-M1", "E1", "E2", "chin"),
    # One lane of each modality, as in arXiv 2509.22810.
    "paper": ("C4-M1", "E1", "chin", "ECG"),
    # All lanes of SHHS that serve staging.
    "shhs": ("C3-M2", "C4-M1", "E1", "E2", "chin", "ECG"),
}
