"""The five AASM sleep stages, and the codes that map onto them.

An epoch that was not scored (unknown, movement) is `None`, never a stage.
"""

EPOCH_S = 30.0  # seconds of an epoch
STAGES = ("W", "N1", "N2", "N3", "R")
INDEX = {stage: index for index, stage in enumerate(STAGES)}

# ISRUC-Sleep, `*_1.txt`: one integer a line.
ISRUC_TXT = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "5": "R"}
# ISRUC-Sleep, `*_1.xlsx`: U (and, on some sheets, N) is unscored, although the txt then says 0.
ISRUC_XLSX = {**{stage: stage for stage in STAGES}, "U": None, "N": None}
# NSRR and Profusion XML: Rechtschaffen & Kales stages 3 and 4 are N3; 6 movement, 9 unscored.
NSRR = {0: "W", 1: "N1", 2: "N2", 3: "N3", 4: "N3", 5: "R", 6: None, 9: None}
# EDF+ annotations `Sleep stage X`, in R&K (1-4) and AASM (N1-N3) spelling.
EDF_PLUS = {
    "W": "W",
    **{"1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "R"},
    **{"N1": "N1", "N2": "N2", "N3": "N3", "REM": "R"},
    **{"?": None, "M": None},
}
# Stages as people write them in lists and BIDS events, lower case. A list of bare numbers follows
# Rechtschaffen & Kales: 4 is stage 4, 5 REM.
WORDS = {
    **dict.fromkeys(("w", "wake", "awake", "0"), "W"),
    **dict.fromkeys(("n1", "s1", "nrem1", "1"), "N1"),
    **dict.fromkeys(("n2", "s2", "nrem2", "2"), "N2"),
    **dict.fromkeys(("n3", "n4", "s3", "s4", "nrem3", "nrem4", "3", "4"), "N3"),
    **dict.fromkeys(("r", "rem", "5"), "R"),
    **dict.fromkeys(("?", "u", "unscored", "unknown", "n/a", "m", "mt", "movement"), None),
    **dict.fromkeys(("6", "9", "-1", "-2"), None),
}
