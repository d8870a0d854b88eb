"""The page on which a recording is staged, explained and corrected in the browser.

`session` holds what a visitor has, `pictures` draws it as HTML and SVG, `layout` and `page` build
the page with Gradio, and `server` serves it.
"""

from psgvlm.app.server import serve

__all__ = ["serve"]
