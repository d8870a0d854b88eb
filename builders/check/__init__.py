"""Checking raw data before a build (inspect) and a corpus after it (verify)."""
