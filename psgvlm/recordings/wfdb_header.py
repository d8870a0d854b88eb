"""The header of a WFDB record, read with the wfdb package.

A header is text that anyone may have edited, so what the package does not survive is found first.
"""

import contextlib
import datetime
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from psgvlm.errors import InputError

if TYPE_CHECKING:
    import wfdb

MAX_BYTES = 1 << 20
MAX_LINE = 500  # characters
MAX_LINES = 5001
MAX_RATE_HZ = 1e6


def read_header(path: Path) -> "wfdb.Record | wfdb.MultiRecord":
    """Read a header with the wfdb package; raise InputError if it is damaged."""
    import wfdb

    if not path.is_file():
        raise InputError(f"{path}: no such file; expected the header of a WFDB record")
    if path.suffix != ".hea":
        raise InputError(f"{path}: the wfdb package reads no such suffix; rename it to .hea")
    try:
        _check_size(path)
        with name_without_date(path) as name:
            return wfdb.rdheader(name)
    except InputError:
        raise
    # wfdb raises whatever its parsers raise, and may quote the header, which may name people.
    except Exception as error:
        raise InputError(
            f"{path}: not the header of a WFDB record ({type(error).__name__}); expected a line "
            "for the record and one for each signal"
        ) from error


def _check_size(path: Path) -> None:
    """Refuse a header that wfdb would read for minutes: many lines, or very long words."""
    found = None
    if path.stat().st_size > MAX_BYTES:
        found = "longer than 1 MB"
    else:
        lines = path.read_bytes().splitlines()
        if (longest := max(map(len, lines), default=0)) > MAX_LINE:
            found = f"a line of {longest} characters"
        elif (count := sum(not line.startswith(b"#") for line in lines)) > MAX_LINES:
            found = f"{count} lines"
    if found:
        raise InputError(f"{path}: {found}; expected the header of a WFDB record")


@contextlib.contextmanager
def name_without_date(path: Path, files: Iterable[Path] = ()) -> Iterator[str]:
    """Yield the name of a record as wfdb takes it.

    The date is not read, and wfdb refuses a header with a date that is none, such as `2006` or
    `19/1/89`. It then gets a copy of the header without it, beside links to the files.
    """
    lines = path.read_text("ascii", errors="ignore").splitlines()
    at = next((i for i, line in enumerate(lines) if _is_record_line(line)), None)
    counts, time, date = ("", "", "") if at is None else _record_words(lines[at])
    if (not time or _is_time(time)) and (not date or _is_date(date)):
        yield str(path.with_suffix(""))
        return
    lines[at] = f"{counts} {time if _is_time(time) else ''}".rstrip()
    with tempfile.TemporaryDirectory(prefix="psgvlm-") as folder:
        copy = Path(folder) / path.name
        copy.write_text("\n".join(lines) + "\n", "ascii")
        for file in dict.fromkeys(files):
            if file.is_file():
                (copy.parent / file.name).symlink_to(file.absolute())
        yield str(copy.with_suffix(""))


def _is_record_line(line: str) -> bool:
    return bool(line.strip()) and not line.strip().startswith("#")


def has_time(path: Path) -> bool:
    """Return whether a header gives a start, be it a time of day or not."""
    lines = path.read_text("ascii", errors="ignore").splitlines()
    return bool(_record_words(next(filter(_is_record_line, lines)))[1])


def _record_words(line: str) -> tuple[str, str, str]:
    """Return the line of a record up to its time, its time, and what follows."""
    from wfdb.io.header import rx_record

    line = line.strip()
    if not (match := rx_record.match(line)):
        return line, "", ""
    at = match.start("base_time")
    time, _, date = line[at:].strip().partition(" ")
    return line[:at].rstrip(), time, date.strip()


def _is_time(text: str) -> bool:
    return _can_read(text, "%H:%M:%S", "%H:%M:%S.%f", "%M:%S", "%S")


def _is_date(text: str) -> bool:
    return _can_read(text, "%d/%m/%Y")


def _can_read(text: str, *forms: str) -> bool:
    for form in forms:
        with contextlib.suppress(ValueError):
            datetime.datetime.strptime(text, form)
            return True
    return False


def signals_without_gain(path: Path) -> list[int]:
    """Return the numbers of the signals whose gain is 0 or absent: wfdb gives these its default."""
    from wfdb.io.header import parse_header_content, rx_signal

    lines, _ = parse_header_content(path.read_text("ascii", errors="ignore"))
    matches = [rx_signal.match(line) for line in lines[1:]]
    return [i for i, match in enumerate(matches) if match and not float(match["adc_gain"] or 0)]


def rate_of(path: Path, record) -> float:
    """Return the frames a second; raise InputError if the header gives none."""
    rate_hz = float(record.fs or 0)
    if not 0 < rate_hz <= MAX_RATE_HZ:
        raise InputError(f"{path}: a rate of {rate_hz:g} Hz; expected a rate above 0 Hz")
    return rate_hz


def clock_of(record) -> int | None:
    """Return the time of day of the first sample in seconds after midnight, None if unknown."""
    time = record.base_time
    return None if time is None else 3600 * time.hour + 60 * time.minute + time.second
