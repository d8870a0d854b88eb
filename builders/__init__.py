"""Builders: raw cohorts, folders and simulated nights in, corpora out."""
