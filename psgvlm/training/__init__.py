"""Training: options, the order of the rows, the trained parts, the trainer, the record of a run.

Modules: `options`, `sampling`, `trained_parts`, `trainer` and `saving` (both import torch), and
`run_record`.
"""

__all__ = ["options", "run_record", "sampling", "saving", "trained_parts", "trainer"]
