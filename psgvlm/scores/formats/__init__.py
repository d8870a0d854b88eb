"""The formats of score files, one module each."""
