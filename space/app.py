"""A Hugging Face Space: the page for the adapter that the variable PSGVLM_MODEL names."""

import os

from psgvlm.app import serve
from psgvlm.commands.app import simulated_example

serve(os.environ["PSGVLM_MODEL"], host="0.0.0.0", example=simulated_example)
