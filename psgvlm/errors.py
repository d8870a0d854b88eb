"""Errors that a person can act on, and the one place where they become a line on stderr."""

import sys
from collections.abc import Callable


class InputError(Exception):
    """What was given cannot be used.

    The message is one line that names the file, what was found, what was expected and what to do.
    """


def print_error(error: InputError) -> None:
    """One line on stderr."""
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)


def run(main: Callable[[], int | None]) -> None:
    """Run a command line: an `InputError` is one line on stderr and exit status 1, no traceback."""
    try:
        sys.exit(main() or 0)
    except InputError as error:
        print_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        print("error: stopped by the user", file=sys.stderr)
        sys.exit(130)
