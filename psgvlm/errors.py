"""Errors that a user can act on, and how a command prints them."""

import os
import sys
from collections.abc import Callable


class InputError(ValueError):
    """An input from the user cannot be used.

    Parameters
    ----------
    message : str
        One line that says what is wrong and where, what was expected, and what to do.
    parameter : str, optional
        The name of the parameter whose value should change, such as `"out"`. Messages of the
        library never name command-line options: a command prints its option for this parameter.
    """

    def __init__(self, message: str, parameter: str | None = None):
        super().__init__(message)
        self.parameter = parameter


def with_option(error: InputError) -> str:
    """Return an error as one line, followed by the command-line option to change."""
    line = " ".join(str(error).split())
    return f"{line} [--{error.parameter.replace('_', '-')}]" if error.parameter else line


def print_error(error: InputError) -> None:
    """Print an error as one line on stderr, with the command-line option to change."""
    print(f"error: {with_option(error)}", file=sys.stderr)


def run(main: Callable[[], int | None]) -> None:
    """Run a command line and exit with its status.

    An `InputError` becomes one line on stderr and exit status 1, without a traceback.
    """
    try:
        status = main() or 0
        sys.stdout.flush()
        sys.exit(status)
    except InputError as error:
        print_error(error)
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe has gone, as in `psgvlm inspect RAW | head`. Nobody reads what Python
        # would still write at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except KeyboardInterrupt:
        print("error: stopped by the user", file=sys.stderr)
        sys.exit(130)
