"""Readers: one module for each cohort or layout, which holds only what is its own."""
