"""What a card says about lanes: which a substitute fills, and which are empty."""

from collections import Counter
from pathlib import Path

from psgvlm.corpus import manifest

LISTED = 12  # of each cohort; `manifest.parquet` has them all


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
    counts: Counter[tuple[str, str]] = Counter()
    for row in drawn:
        for lane in row["lanes"] or ():
            if note := lane.get("note"):
                counts[row["cohort"], f"{lane['lane']} <- {lane['source']}, {note}"] += 1
        for name in row["missing"] or ():
            counts[row["cohort"], f"{name} is empty"] += 1
    if not counts:
        return ""
    lines = [
        "",
        "Where a recording lacks the derivation of a lane, the lane shows another, or none:",
    ]
    lines.append("")
    for cohort in dict.fromkeys(cohort for cohort, _ in counts):
        of_cohort = sum(row["cohort"] == cohort for row in drawn)
        found = [(text, n) for (name, text), n in counts.most_common() if name == cohort]
        lines += [f"- {cohort}: `{text}` ({n} of {of_cohort})" for text, n in found[:LISTED]]
        if len(found) > LISTED:
            lines.append(f"- {cohort}: {len(found) - LISTED} more, which `manifest.parquet` lists")
    return "\n".join([*lines, ""])
