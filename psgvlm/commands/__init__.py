"""The sub-commands of the command `psgvlm`, one module each."""
