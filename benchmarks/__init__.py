"""Measurements of the hot paths, each against a bare baseline in the same run."""
