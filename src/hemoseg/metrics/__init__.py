"""Counts per image, class and cell."""
