"""A matplotlib figure that notebooks display. Importing this module imports matplotlib."""

import io

from matplotlib.figure import Figure


class NotebookFigure(Figure):
    """A figure made without pyplot that Jupyter still shows as a picture.

    Jupyter knows how to show a plain `Figure` only after `matplotlib.pyplot` has made one.
    """

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        self.savefig(file, format="png", bbox_inches="tight")
        return file.getvalue()
