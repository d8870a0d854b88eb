"""The command `psgvlm`: `main` has the table of its sub-commands, which have a module each."""

__all__ = ["main"]
