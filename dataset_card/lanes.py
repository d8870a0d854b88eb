"""What a card says about lanes: which a substitute fills, and which are empty."""

from collections import Counter, defaultdict
from pathlib import Path

from psgvlm.corpus import manifest

EMPTY = "is empty"
NAMED = 3  # signals that fill a lane for the same reason
LISTED = 30  # of each cohort; `manifest.parquet` has them all


def statement(corpus: Path) -> str:
    """Return the statement on the lanes of a corpus, a list in Markdown with blank lines around it.

    It is empty if the own derivations of all lanes were drawn, or if there is no manifest.
    """
    import pyarrow.parquet as pq

    path = corpus / manifest.FILE_NAME
    if not path.is_file():
        return ""
    # Without the schema: manifests of older builds have no notes on lanes.
    columns = ["cohort", "status", "lanes", "missing"]
    rows = pq.read_table(path, columns=columns).to_pylist()
    drawn = [row for row in rows if row["status"] == manifest.BUILT]
    # For each cohort, lane and note: how many recordings have which signal there.
    counts: defaultdict[tuple[str, str, str], Counter[str]] = defaultdict(Counter)
    for row in drawn:
        for lane in row["lanes"] or ():
            if note := lane.get("note"):
                # What follows the first part is of this recording alone.
                counts[row["cohort"], lane["lane"], note.split("; ")[0]][lane["source"]] += 1
        for name in row["missing"] or ():
            counts[row["cohort"], name, EMPTY][""] += 1
    if not counts:
        return ""
    lines = [
        "",
        "Where a recording lacks the derivation of a lane, the lane shows another, or none:",
    ]
    lines.append("")
    for cohort in dict.fromkeys(cohort for cohort, *_ in counts):
        of_cohort = sum(row["cohort"] == cohort for row in drawn)
        found = [
            (_text(lane, note, sources), sources.total())
            for (name, lane, note), sources in counts.items()
            if name == cohort
        ]
        found.sort(key=lambda pair: -pair[1])
        lines += [f"- {cohort}: `{text}` ({n} of {of_cohort})" for text, n in found[:LISTED]]
        if len(found) > LISTED:
            lines.append(f"- {cohort}: {len(found) - LISTED} more, which `manifest.parquet` lists")
    return "\n".join([*lines, ""])


def _text(lane: str, note: str, sources: Counter[str]) -> str:
    """Return what is said of a lane, with the most frequent signals that fill it."""
    if note == EMPTY:
        return f"{lane} {EMPTY}"
    labels = [label for label, _ in sources.most_common(NAMED)]
    rest = len(sources) - NAMED
    more = f" or {rest} other{'s' * (rest > 1)}" if rest > 0 else ""
    return f"{lane} <- {' or '.join(labels)}{more}, {note}"
