"""Repositories of the Hugging Face Hub: releases, the terms of cohorts, models of others, errors.

Modules: `cohorts` and `permission` (what may be shared), `release` (upload a folder), `repo_files`
(read single files), `untrusted` (load models safely), `hub_errors`.
"""

from psgvlm.hub.cohorts import COHORTS, STATEMENTS
from psgvlm.hub.release import Release

__all__ = ["COHORTS", "STATEMENTS", "Release"]
