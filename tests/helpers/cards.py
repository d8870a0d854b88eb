"""What the tests of both cards need: texts that a card must not hold, and images of a corpus."""

import re

import pyarrow.parquet as pq

from psgvlm.stages import STAGES

PLACEHOLDERS = re.compile(r"\$\w|\bNone\b|\bnan\b|TODO|TBD|ORG/|More Information|\{\{|\{\}|<!--")


def pngs(corpus, config):
    """Return the pairs of stage and PNG of all epochs of a configuration."""
    tables = [pq.read_table(path) for path in sorted(corpus.glob(f"{config}/*.parquet"))]
    rows = [row for table in tables for row in table.select(["images", "stage"]).to_pylist()]
    return {(STAGES[row["stage"]], row["images"][0]["bytes"]) for row in rows}
