"""Counts, distances and facts of cells on plain arrays; knows nothing of files, models or tables."""
