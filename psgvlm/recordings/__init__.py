"""Recordings on a disk: channels in µV, which label fills which lane, and the scores beside
them."""
