"""The five AASM sleep stages, and the codes that map onto them.

An epoch that was not scored (unknown, movement) is `None`, never a stage.
"""

EPOCH_S = 30.0  # the length of an epoch in seconds
STAGES = ("W", "N1", "N2", "N3", "R")
INDEX = {stage: index for index, stage in enumerate(STAGES)}

# ISRUC-Sleep, `*_1.txt`: one integer on each line.
ISRUC_TXT = {"0": "W", "1": "N1", "2": "N2", "3": "N3", "5": "R"}
# ISRUC-Sleep, `*_1.xlsx`: U (on some sheets N) is unscored; the text file has 0, wake, there.
ISRUC_XLSX = {**{stage: stage for stage in STAGES}, "U": None, "N": None}
# NSRR and Profusion XML: stages 3 and 4 of Rechtschaffen and Kales are N3; 6 is movement, 9
# unscored.
NSRR = {0: "W", 1: "N1", 2: "N2", 3: "N3", 4: "N3", 5: "R", 6: None, 9: None}
# EDF+ annotations `Sleep stage X`, with the stages of Rechtschaffen and Kales (1-4) or the AASM
# (N1-N3).
EDF_PLUS = {
    "W": "W",
    **{"1": "N1", "2": "N2", "3": "N3", "4": "N3", "R": "R"},
    **{"N1": "N1", "N2": "N2", "N3": "N3", "REM": "R"},
    **{"?": None, "M": None},
}
# Stages as people write them in lists and BIDS events, in lower case. Bare numbers follow
# Rechtschaffen and Kales: 4 is stage 4 and 5 is REM.
WORDS = {
    **dict.fromkeys(("w", "wake", "awake", "0"), "W"),
    **dict.fromkeys(("n1", "s1", "nrem1", "1"), "N1"),
    **dict.fromkeys(("n2", "s2", "nrem2", "2"), "N2"),
    **dict.fromkeys(("n3", "n4", "s3", "s4", "nrem3", "nrem4", "3", "4"), "N3"),
    **dict.fromkeys(("r", "rem", "5"), "R"),
    **dict.fromkeys(("?", "u", "unscored", "unknown", "n/a", "m", "mt", "movement"), None),
    **dict.fromkeys(("6", "9", "-1", "-2"), None),
}
