"""A Sphinx extension that writes docs/_generated before Sphinx reads the pages.

Pages include these files. Whatever the code or bench/results already says is taken from there and
never typed a second time.
"""

from functools import partial
from pathlib import Path

import generate
import nbclient
from jupyter_cache.executors import utils as notebook_executor


def setup(app):
    app.connect("builder-inited", lambda app: generate.write_all(Path(app.srcdir) / "_generated"))
    # What a command prints arrives in pieces. nbclient joins them as they are; the option
    # nb_merge_streams of myst-nb would start a new line at each.
    notebook_executor.executenb = partial(nbclient.execute, coalesce_streams=True)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
