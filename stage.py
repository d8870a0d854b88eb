"""Stage nights with a trained model: the same command as `psgvlm stage`."""

from psgvlm import errors
from psgvlm.commands.stage import main

if __name__ == "__main__":
    errors.run(main)
