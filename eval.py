"""Compare adapters with scorers: `psgvlm eval`, as a script that `accelerate launch` can start."""

from psgvlm import errors
from psgvlm.commands.eval import main

if __name__ == "__main__":
    errors.run(main)
