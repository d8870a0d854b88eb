"""Errors of a hub: repeat a request if the error is temporary, else say in one line what failed."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from psgvlm.errors import InputError

WAITS_S = (1, 2, 4, 8)  # before each repetition of a request, unless the Hub asks for another wait
LONGEST_WAIT_S = 300


def with_retries(request: Callable):
    """Call `request` until it succeeds or its error is not temporary; return what it returns.

    Temporary errors are a lost connection, the statuses 408, 429 and 5xx, and 412, which means that
    another commit came first.
    """
    from httpx2 import ConnectError
    from huggingface_hub.errors import HTTPError

    for wait_s in (*WAITS_S, None):
        try:
            return request()
        except (HTTPError, RuntimeError) as error:
            # A thread that uploads a file raises a RuntimeError; the hub's error is its cause.
            cause = (error.__cause__ or error) if isinstance(error, RuntimeError) else error
            permanent = not isinstance(cause, HTTPError) or isinstance(cause, ConnectError)
            temporary = _status(cause) in (None, 408, 412, 429, 500, 502, 503, 504)
            if wait_s is None or permanent or not temporary:
                raise cause from None
            time.sleep(_wait_s(getattr(cause, "response", None), wait_s))


def _status(error: Exception) -> int | None:
    """Return the HTTP status of a hub's answer; None if the hub did not answer."""
    answer = getattr(error, "response", None)
    return answer.status_code if answer is not None else None


def _wait_s(answer, default_s: float) -> float:
    header = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(header), LONGEST_WAIT_S) if header.isdecimal() else default_s


@contextmanager
def as_input_error(name: str, so_far: str) -> Iterator[None]:
    """Turn a hub's error into an InputError.

    `name` is what failed, and `so_far` says in a clause what has been done until then.
    """
    from huggingface_hub.errors import HTTPError

    try:
        yield
    except InputError:
        raise
    # huggingface_hub raises a ValueError for a wrong name, or for wrong YAML in a card.
    except (HTTPError, ValueError, OSError) as error:
        expected = {
            401: "a token that the Hub knows: hf auth login",
            403: "a token with write access to the repository: hf auth login",
            404: "a repository that exists, and a token that may read it: hf auth login",
        }.get(
            _status(error),
            "a Hub that can be reached, a valid token (hf auth login) and the name ORG/NAME",
        )
        raise InputError(f"{name}: {reason(error)}; {so_far}; expected {expected}") from error


def reason(error: Exception) -> str:
    """Return the message of an error as one line, without anything that may be a secret."""
    from huggingface_hub import get_token

    message = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
    line = message.splitlines()[0]
    if (status := _status(error)) and str(status) not in line:
        line = f"{status} {line}"
    line = re.sub(r"(https?://[^\s?]*)\?[^\s']*", r"\1", line)  # a query may hold a signature
    return line.replace(get_token() or "\0", "***")
