"""Probabilities of a night that is not finished, kept in a file so that staging can go on."""

from pathlib import Path

import numpy as np

from psgvlm.stages import STAGES

ROW_BYTES = 8 * len(STAGES)


class KeptProbabilities:
    """A file of probabilities that grows epoch by epoch.

    Its first line is the key of the night (see `Stager.key`); float64 rows of five follow. Rows
    under another key are dropped. `rows` holds those that can be used.
    """

    def __init__(self, path: Path, key: str, batch_size: int):
        self.path, head = path, f"{key}\n".encode()
        content = path.read_bytes() if path.is_file() else b""
        rows = content[len(head) :] if content.startswith(head) else b""
        # Only whole batches are kept, so that later batches are those of an uninterrupted run.
        count = len(rows) // ROW_BYTES // batch_size * batch_size
        rows = rows[: count * ROW_BYTES]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head + rows)
        self.rows = list(np.frombuffer(rows).reshape(-1, len(STAGES)))

    def append(self, probabilities: np.ndarray) -> None:
        """Add the probabilities of the next epoch, shape (5,)."""
        with self.path.open("ab") as file:
            file.write(np.asarray(probabilities, float).tobytes())
