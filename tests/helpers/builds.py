"""Small builds in this process, which can be interrupted or killed, and the files they wrote."""

import os

import pytest
from psgvlm.builders.__main__ import main
from recordings import write_shhs

CODES = (0, 1, 2, 3, 5, 2, 2)


def write_raw(root, numbers):
    for number in numbers:
        write_shhs(root, f"shhs{1 + number % 2}-2000{number // 2:02d}", CODES[: 3 + number % 4])
    return root


def build(raw, out, *words, cohort="shhs"):
    return main([cohort, str(raw), "--out", str(out), "--image", "square", *map(str, words)])


def stopped(raw, out, drawn, after, *words):
    """Run a build that is interrupted after so many recordings, as by Ctrl-C."""
    drawn.stop_after = after
    with pytest.raises(KeyboardInterrupt):
        build(raw, out, *words)
    drawn.stop_after = None


def content(corpus):
    """Return the bytes of every file of a corpus that is not hidden, by its path."""
    paths = [path for path in corpus.rglob("*") if path.is_file()]
    names = [path.relative_to(corpus) for path in paths]
    return {
        str(name): path.read_bytes()
        for name, path in zip(names, paths, strict=True)
        if not any(part.startswith(".") for part in name.parts)
    }


class Killed(BaseException):
    """Stands for the end of the process, so no code may catch it."""


CHANGES = [(os, "rename"), (os, "replace"), (os, "link"), (os, "unlink"), (os, "rmdir")]
CHANGES += [(os, "mkdir"), (os, "fsync")]


def killed(change, monkeypatch, raw, out, *words):
    """Run a build that is killed before its `change`-th change of a folder, counted from 1.

    Return whether it made that many changes, and so was killed.
    """
    left = change

    def killable(real):
        def changed(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return real(*args, **kwargs)

        return changed

    with monkeypatch.context() as patched:
        for module, name in CHANGES:
            patched.setattr(module, name, killable(getattr(module, name)))
        try:
            build(raw, out, *words)
        except Killed:
            return True
    return False
