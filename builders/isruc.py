"""ISRUC-Sleep as it is downloaded: `<group>/<s>/<s>.rec` with `<s>_1.txt`, `<s>_1.xlsx` ...

Subgroups I and III hold one night a subject, subgroup II two sessions (`<group>/<s>/{1,2}/`).
"""

import re
from pathlib import Path

from builders.night import Night, Scores
from psgvlm.errors import InputError
from psgvlm.stages import ISRUC_TXT, ISRUC_XLSX

EXPECTED = "<group>/<subject>/<subject>.rec with <subject>_1.txt beside it"
# X1 is the chin and X2 the ECG; in the family of labels that only counts, 24 and 25 by position.
ALIASES = {"chin": ("X1", "24"), "ECG": ("X2", "25")}


def find(raw: Path) -> list[Night]:
    """Every `.rec` below `raw`, in the order of group, subject and session."""
    nights = []
    for signal in sorted(raw.rglob("*.rec"), key=lambda path: _natural(path.relative_to(raw))):
        parts = signal.relative_to(raw).parts
        group = next((g for part in reversed(parts[:-1]) if (g := _group(part))), "")
        session = signal.stem if len(parts) > 2 and parts[-2] == signal.stem else None
        two_sessions = group == "II" and len(parts) > 2
        number = parts[-3] if two_sessions else (session or signal.stem)
        subject = "-".join(part for part in (group, number) if part)
        nights.append(
            Night(
                cohort="isruc",
                subject=subject,
                recording=f"{subject}-{signal.stem}" if two_sessions else subject,
                signal=signal,
                scores=tuple(
                    path
                    for scorer in (1, 2)
                    if (path := signal.with_name(f"{signal.stem}_{scorer}.txt")).is_file()
                ),
            )
        )
    return nights


def read_scores(night: Night) -> Scores:
    """Scorer 1, and scorer 2 where there is one; cut to the shorter of the two."""
    if not night.scores or not night.scores[0].stem.endswith("_1"):
        wanted = night.signal.with_name(f"{night.signal.stem}_1.txt")
        raise InputError(f"{wanted}: no such file; expected the first scorer's stages, one a line")
    first, *more = (_read_scorer(path) for path in night.scores)
    second = more[0] if more else None
    if second is not None:
        shorter = min(len(first), len(second))
        first, second = first[:shorter], second[:shorter]
    return Scores(0.0, first, second)


def _read_scorer(txt: Path) -> tuple[str | None, ...]:
    """The txt's stages, masked by the xlsx: only there can unscored epochs be told from wake."""
    lines = txt.read_text("latin-1").split()
    unknown = sorted(set(lines) - set(ISRUC_TXT))
    if unknown:
        raise InputError(
            f"{txt}: holds {', '.join(map(repr, unknown[:3]))}; expected one of 0 1 2 3 5 a line"
        )
    stages = [ISRUC_TXT[line] for line in lines]
    xlsx = txt.with_suffix(".xlsx")
    if xlsx.is_file():
        # Masked in place: dropping unscored rows first would shift every later label.
        for epoch, mark in enumerate(_read_marks(xlsx)[: len(stages)]):
            if ISRUC_XLSX.get(mark, mark) is None:
                stages[epoch] = None
    return tuple(stages)


def _read_marks(xlsx: Path) -> list[str]:
    """The xlsx's Stage column, one mark an epoch; some files have no header row."""
    from zipfile import BadZipFile

    from openpyxl import load_workbook

    try:
        book = load_workbook(xlsx, read_only=True, data_only=True)
    except (BadZipFile, KeyError, ValueError, OSError) as error:
        raise InputError(f"{xlsx}: cannot be read as a workbook ({error})") from error
    rows = book.worksheets[0].iter_rows(max_col=2, values_only=True)
    marks = [str(row[1]).strip() for row in rows if isinstance(row[0], int | float)]
    book.close()
    return marks


def _group(part: str) -> str | None:
    """`subgroupI`, `Subgroup_1`, `SubgroupIII` ... as I, II or III."""
    found = re.fullmatch(r"sub[ _-]?group[ _-]?(I{1,3}|[123])", part, re.IGNORECASE)
    if not found:
        return None
    name = found[1].upper()
    return name if name.startswith("I") else "I" * int(name)


def _natural(path: Path) -> list[tuple[int, int | str]]:
    """Sorts 2 before 10."""
    pieces = re.split(r"(\d+)", str(path))
    return [(0, int(piece)) if piece.isdigit() else (1, piece) for piece in pieces]
