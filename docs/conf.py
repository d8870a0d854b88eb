"""The settings of Sphinx. `make docs` builds the documentation into docs/_build/html."""

import os
import sys
from pathlib import Path

import psgvlm

DOCS = Path(__file__).parent
sys.path.insert(0, str(DOCS / "_ext"))

# The tutorials call `psgvlm` as a reader would: the command of this environment comes first.
os.environ["PATH"] = str(Path(sys.executable).parent) + os.pathsep + os.environ["PATH"]

project = "psgvlm"
author = "The psgvlm developers"
copyright = "The psgvlm developers"
version = release = psgvlm.__version__
language = "en"

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "sphinx_design",
    "sphinx_copybutton",
    "generated_pages",
]
exclude_patterns = ["_build", "_ext", "_generated"]  # pages include what is generated
templates_path = ["_templates"]

### The text
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Docstrings put names between single backticks.
default_role = "literal"

### The reference of the API
autosummary_generate = True
autodoc_typehints = "none"  # numpydoc's sections name the types
autodoc_member_order = "bysource"
numpydoc_show_class_members = False

### The tutorials
nb_execution_mode = "cache"
nb_execution_cache_path = str(DOCS / "_build" / "notebooks")
nb_execution_timeout = 1200
nb_execution_raise_on_error = True
nb_output_stderr = "remove"  # progress and warnings of the libraries

### The look
html_theme = "pydata_sphinx_theme"
html_title = "psgvlm"
html_static_path = ["_static"]
html_css_files = ["psgvlm.css"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "navbar_end": ["theme-switcher"],
    "show_toc_level": 2,
    "show_prev_next": True,
    "footer_start": ["copyright"],
    "footer_end": [],
    "secondary_sidebar_items": ["page-toc"],
}
html_sidebars = {"index": [], "glossary": []}
copybutton_exclude = ".linenos, .gp"
