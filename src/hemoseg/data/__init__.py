"""Samples, predictions, splits and geometry as plain arrays."""
