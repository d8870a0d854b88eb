"""Repositories of the Hugging Face Hub: release, permission, untrusted files, errors."""
