"""Write small trees in the layouts of public data sets: names, labels and scores as downloaded."""

from pathlib import Path

import edfio
from recordings import montage, write_edf, write_nsrr, write_profusion

STAGES = ("W", "N1", "N2", "N3", "R", None)
NUMBERS = (0, 1, 2, 4, 5, 9)  # of the same stages, by Rechtschaffen and Kales
WORDS = ("W", "1", "2", "4", "R", "?")
SECONDS = 180
LABELS = ("C4-M1", "E1-M2", "E2-M2", "chin")


def recording(path: Path, labels=LABELS) -> Path:
    """Write a recording of six epochs."""
    return write_edf(path, montage(labels, SECONDS))


def hypnogram(path: Path, words=WORDS) -> Path:
    """Write an EDF+ file with the stages of six epochs."""
    noted = [edfio.EdfAnnotation(30 * i, 30, f"Sleep stage {w}") for i, w in enumerate(words)]
    return write_edf(path, (), noted)


def text(path: Path, content: str) -> Path:
    """Write a text file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    return path


def sleep_edf(raw: Path, *names: str) -> None:
    """Write recordings of Sleep-EDF, such as `sleep-cassette/SC4001E`."""
    for name in names:
        recording(raw / f"{name}0-PSG.edf", ("EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal"))
        hypnogram(raw / f"{name}C-Hypnogram.edf")


def nsrr(raw: Path, name: str, group: str = "", nsrr=True, profusion=True) -> None:
    """Write a recording in NSRR's folders, with its scores as XML."""
    tree = raw / "polysomnography"
    recording(tree / "edfs" / group / f"{name}.edf")
    for kind, write in (
        ("nsrr", nsrr and write_nsrr),
        ("profusion", profusion and write_profusion),
    ):
        if write:
            path = tree / f"annotations-events-{kind}" / group / f"{name}-{kind}.xml"
            path.parent.mkdir(parents=True, exist_ok=True)
            write(path, NUMBERS)


def remlogic(path: Path) -> Path:
    """Write RemLogic's export of the events of a night that starts at midnight."""
    names = ("S0", "S1", "S2", "S4", "REM", "UNSCORED")
    head = "RemLogic Event Export\n\nSleep Stage\tPosition\tTime [hh:mm:ss]\tEvent\tDuration[s]\n"
    rows = [
        f"{name}\tUnknown\t00:{i // 2:02}:{i % 2 * 30:02}\tSLEEP-{name}\t30\n"
        for i, name in enumerate(names)
    ]
    return text(path, head + "".join(rows))
