"""What a hub raises: asked again where it passes by itself, told in a line where it does not."""

import re
import time
from collections.abc import Callable
from contextlib import contextmanager

from psgvlm.errors import InputError

WAITS_S = (1, 2, 4, 8)  # before a request that failed is made again, unless the Hub says when
LONGEST_WAIT_S = 300


def persistently(step: Callable):
    """What `step` returns: it is called again after what passes by itself.

    That is a connection that was cut, 429 and 5xx, and 412, where another commit came first.
    """
    from httpx2 import ConnectError
    from huggingface_hub.errors import HTTPError

    for wait in (*WAITS_S, None):
        try:
            return step()
        except (HTTPError, RuntimeError) as error:
            # An upload's thread says no more than which file it was.
            found = (error.__cause__ or error) if isinstance(error, RuntimeError) else error
            lasting = not isinstance(found, HTTPError) or isinstance(found, ConnectError)
            passes = _status(found) in (None, 408, 412, 429, 500, 502, 503, 504)
            if wait is None or lasting or not passes:
                raise found from None
            time.sleep(_wait_s(getattr(found, "response", None), wait))


def _status(error: Exception) -> int | None:
    """What a hub answered; `None` where it did not."""
    answer = getattr(error, "response", None)
    return answer.status_code if answer is not None else None


def _wait_s(answer, otherwise: float) -> float:
    said = answer.headers.get("Retry-After", "") if answer is not None else ""
    return min(float(said), LONGEST_WAIT_S) if said.isdecimal() else otherwise


@contextmanager
def telling(name: str, so_far: str):
    """Turn what a hub raises into a line: what it says, and where things stand (`so_far`)."""
    from huggingface_hub.errors import HTTPError

    try:
        yield
    except (HTTPError, ValueError, OSError) as error:  # ValueError: of a name, of a card's YAML
        expected = {
            401: "a token that the Hub knows: hf auth login",
            403: "a token that may write there: hf auth login",
            404: "a repository that is there, and a token that may see it: hf auth login",
        }.get(
            _status(error), "a Hub that can be reached, a token of it (hf auth login) and ORG/NAME"
        )
        raise InputError(f"{name}: {reason(error)}; {so_far}; expected {expected}") from error


def reason(error: Exception) -> str:
    """What an error says, in a line, without what may be a secret in it."""
    from huggingface_hub import get_token

    told = getattr(error, "server_message", None) or str(error).strip() or type(error).__name__
    said = told.splitlines()[0]
    if (status := _status(error)) and str(status) not in said:
        said = f"{status} {said}"
    said = re.sub(r"(https?://[^\s?]*)\?[^\s']*", r"\1", said)
    return said.replace(get_token() or "\0", "***")
