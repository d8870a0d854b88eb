"""A Sphinx extension that writes docs/_generated before Sphinx reads the pages.

Pages include these files. Whatever the code or bench/results already says is taken from there and
never typed a second time.
"""

from pathlib import Path

import generate


def setup(app):
    app.connect("builder-inited", lambda app: generate.write_all(Path(app.srcdir) / "_generated"))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
