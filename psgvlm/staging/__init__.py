"""Staging a night: the stager, the staged night, its files, pictures and statistics."""
