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
