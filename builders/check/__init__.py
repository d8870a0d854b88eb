"""Checks: of raw recordings before a build (inspection) and of a corpus after it (verify)."""
