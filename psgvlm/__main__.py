"""The door for `python -m psgvlm`, which does what the command `psgvlm` does."""

from psgvlm.commands import main

if __name__ == "__main__":
    main.run()
