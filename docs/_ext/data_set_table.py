"""The table of public data sets: what a build of each gives, and under which licence it is.

What comes out is in bench/results/data_sets.json, which bench/data_sets.py writes and
tests/builders/test_data_sets.py compares with builds of its own.
"""

from benchmark_tables import read, table

from psgvlm.hub import cohorts

PERMISSIONS = {cohorts.NOTHING: "yes", None: "no", "OWNERS": "ask its owners", "MASS": "no"}
SUBSTITUTE = "a substitute"


def data_sets() -> str:
    """Return a row for each data set: command, what fills the lanes, licence."""
    rows = []
    for cohort, found in read("data_sets").items():
        terms = cohorts.terms_of(cohort)
        rows.append(
            [
                f"[{terms.name}]({terms.source})",
                f"`psgvlm build {found['reader']} RAW`",
                *(_sources(found["lanes"][lane]) for lane in found["lanes"]),
                terms.licence or terms.terms.rstrip("."),
                PERMISSIONS[terms.public],
            ]
        )
    lanes = next(iter(read("data_sets").values()))["lanes"]
    return table(["data set", "command", *lanes, "licence", "public images"], rows)


def _sources(notes: dict[str, str]) -> str:
    """Return what fills a lane in the recordings of a data set, substitutes with a star."""
    words = [
        (f"`{source}`" if source else "empty") + "\\*" * note.startswith(SUBSTITUTE)
        for source, note in notes.items()
    ]
    return ", ".join(words)
