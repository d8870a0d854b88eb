"""The door for `python -m builders` in a checkout; the commands are in `command.py`."""

from psgvlm.builders.command import main

from psgvlm import errors

if __name__ == "__main__":
    errors.run(main)
