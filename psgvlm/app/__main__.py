"""`python -m psgvlm.app` is the same command as `psgvlm app`."""

from psgvlm import errors
from psgvlm.commands.app import main

if __name__ == "__main__":
    errors.run(main)
