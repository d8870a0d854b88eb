"""A Hugging Face Space: the page for the adapter that the variable PSGVLM_MODEL names."""

import os

from psgvlm.app import server as app

app.serve(os.environ["PSGVLM_MODEL"], host="0.0.0.0")
