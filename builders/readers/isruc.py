"""ISRUC-Sleep as it is downloaded: `<group>/<s>/<s>.rec` with `<s>_1.txt`, `<s>_1.xlsx` ...

Subgroups I and III have one night of each subject, subgroup II two (`<group>/<s>/{1,2}/`).
"""

import re
from pathlib import Path

from psgvlm.builders.readers.found_night import FoundNight

from psgvlm.errors import InputError
from psgvlm.files import list_files, natural_key, printable_name, quote_short, read_text
from psgvlm.scores import Scores, Stages, kappa
from psgvlm.scores.formats import workbook
from psgvlm.stages import ISRUC_TXT, ISRUC_XLSX

NAME = "ISRUC-Sleep"
EXPECTED = "<group>/<subject>/<subject>.rec with <subject>_1.txt beside it"
# X1 is the chin and X2 the ECG. A family of recordings has numbers as labels; there they are 24 and
# 25. Subject I-40 is unreferenced: the alternatives of the montage subtract A1 and A2.
ALIASES = {"chin": ("X1", "24"), "ECG": ("X2", "25")}

OPTIONS = {
    "scorer": {
        "choices": ("1", "2", "both", "consensus"),
        "default": "1",
        "help": "whose stages to use: 1 or 2, with those of the other scorer as stage_2;\n"
        "both, the first scorer's stages of epochs that both scored; or consensus,\n"
        "the epochs to which both gave the same stage. both and consensus skip\n"
        "recordings with one scorer. Default: 1",
    }
}

_MAT = re.compile(r"subject\d+\.mat", re.IGNORECASE)
_SESSIONS = {"1", "2"}


def find(raw: Path) -> list[FoundNight]:
    """List every `.rec` file below a folder, in the order of group, subject and session.

    Files of the .mat distribution are listed too, so that `read_scores` refuses them with a reason.
    """
    signals = list_files(raw, (".rec",))
    nights = [_night(raw, signal, signals) for signal in signals]
    nights.sort(key=lambda night: natural_key(night.recording))
    for path in list_files(raw, (".mat",)):
        if _MAT.fullmatch(path.name):
            name = f"{printable_name(path.stem)}.mat"
            nights.append(FoundNight("isruc", name, name, path, ()))
    return nights


def _night(raw: Path, signal: Path, signals: list[Path]) -> FoundNight:
    inside = signal.relative_to(raw).parent.parts
    # `raw` may be the folder of a subgroup or a subject, so that names above it count, too.
    folders = ["", "", "", *raw.absolute().parts, *inside]
    own_folder = folders[-1] == signal.stem
    siblings = {s.stem for s in signals if s.parent.parent == signal.parent.parent}
    session = own_folder and folders[-2].isdecimal() and siblings <= _SESSIONS
    number = folders[-2] if session else signal.stem
    depth = 3 if session else 2 if own_folder else 1
    group = _group(folders[-depth])
    if group is None:
        # Another name keeps two groups apart, but only if it is below `raw`.
        group = folders[-depth] if depth <= len(inside) else ""
    subject = printable_name("-".join(filter(None, (group, number))))
    return FoundNight(
        cohort="isruc",
        subject=subject,
        recording=printable_name(f"{subject}-{signal.stem}") if session else subject,
        signal=signal,
        scores=tuple(
            path
            for scorer in (1, 2)
            if (path := signal.with_name(f"{signal.stem}_{scorer}.txt")).is_file()
        ),
    )


def is_certain(night: FoundNight) -> bool:
    """Return whether the scores or the folders are those of ISRUC: many data sets have `.rec`."""
    in_tree = any(_group(part) or "isruc" in part.lower() for part in night.signal.parts[:-1])
    return bool(night.scores) or in_tree


def read_scores(night: FoundNight, scorer: str = "1") -> Scores:
    """Read the stages of the chosen scorer and of the other, cut to the shorter of the two."""
    if night.signal.suffix.lower() == ".mat":
        raise InputError(
            f"{night.signal}: the .mat distribution of ISRUC has cut and filtered epochs without "
            "their time in the night, and 30 fewer than its scores; expected the recordings "
            f"themselves: {EXPECTED}"
        )
    files = {int(path.stem[-1]): path for path in night.scores}
    wanted = {"1": [1], "2": [2]}.get(scorer, [1, 2])
    for number in wanted:
        if number not in files:
            path = night.signal.with_name(f"{night.signal.stem}_{number}.txt")
            raise InputError(f"{path}: no such file; expected the stages of scorer {number}")
    notes: list[str] = []
    read = {number: _read_scorer(path, notes) for number, path in sorted(files.items())}
    if len(read) == 2 and len(read[1]) != len(read[2]):
        shorter = min(map(len, read.values()))
        notes.append(f"scorers scored {len(read[1])} and {len(read[2])} epochs: cut to {shorter}")
        read = {number: stages[:shorter] for number, stages in read.items()}
    chosen = wanted[0]
    stages, second = read[chosen], read.get(3 - chosen)
    agreement = kappa(stages, second) if second else None
    if scorer in ("both", "consensus"):
        pairs = zip(stages, second, strict=True)
        if scorer == "both":
            stages = tuple(one if other else None for one, other in pairs)
        else:
            stages = tuple(one if one == other else None for one, other in pairs)
    return Scores(0.0, stages, second, kappa=agreement, notes=tuple(notes))


def _read_scorer(txt: Path, notes: list[str]) -> Stages:
    """Read the stages of the txt. Only the xlsx says which wake epochs were not scored."""
    lines = read_text(txt).split()
    unknown = sorted(set(lines) - set(ISRUC_TXT))
    if unknown:
        raise InputError(
            f"{txt}: holds stage {', '.join(quote_short(word) for word in unknown[:3])}; "
            "expected one of 0 1 2 3 5 on each line"
        )
    stages: list[str | None] = [ISRUC_TXT[line] for line in lines]
    if not stages:
        raise InputError(f"{txt}: holds no stages; expected one of 0 1 2 3 5 on each line")
    xlsx = txt.with_suffix(".xlsx")
    if not xlsx.is_file():
        notes.append(f"no {xlsx.name}: unscored epochs count as wake, as in {txt.name}")
        return tuple(stages)
    marks = _read_marks(xlsx)
    # The unscored epochs are not removed: that would shift every later stage.
    differ = 0
    for epoch in range(len(stages)):
        mark = marks.get(epoch, stages[epoch])
        if ISRUC_XLSX.get(mark) is None:
            stages[epoch] = None
        elif ISRUC_XLSX[mark] != stages[epoch]:
            differ += 1
    if differ:
        notes.append(f"{xlsx.name} and {txt.name} differ in {differ} epochs: the txt is used")
    strange = sorted(set(marks.values()) - set(ISRUC_XLSX))
    if strange:
        words = ", ".join(quote_short(word) for word in strange[:3])
        notes.append(f"{xlsx.name} has the stages {words}: these epochs are left unscored")
    if len(marks) != len(stages):
        notes.append(f"{txt.name} has {len(stages)} epochs, {xlsx.name} {len(marks)}")
    return tuple(stages)


def _read_marks(xlsx: Path) -> dict[int, str]:
    """Return the stage of each epoch from 0. The header names the columns; some files have none."""
    try:
        rows = next(workbook.rows_by_sheet(xlsx), [])
    except InputError as error:
        raise InputError(f"{error}. Without this file, only the txt is used") from error.__cause__
    titles = ([str(cell).strip().lower() for cell in row] for row in rows[:5])
    header = next((t for t in titles if "epoch" in t and "stage" in t), ["epoch", "stage"])
    number, stage = header.index("epoch"), header.index("stage")
    marks = {}
    for row in rows:
        if len(row) > max(number, stage) and re.fullmatch(r"\d{1,6}(\.0)?", str(row[number])):
            marks[int(float(row[number])) - 1] = str(row[stage]).strip()
    if not set(marks.values()) & set(ISRUC_XLSX):
        raise InputError(
            f"{xlsx}: no numbered epochs and stages in its first sheet; expected the columns Epoch "
            "and Stage. Without this file, only the txt is used"
        )
    return marks


def _group(folder: str) -> str | None:
    """Return I, II or III for `subgroupI`, `Subgroup_1` ...; `None` for another name."""
    match = re.fullmatch(r"sub[ _-]?group[ _-]?(I{1,3}|[123])", folder, re.IGNORECASE)
    if not match:
        return None
    name = match[1].upper()
    return name if name.startswith("I") else "I" * int(name)
