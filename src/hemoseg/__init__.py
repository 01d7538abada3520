"""Raw microscope frames of blood cells to masks, cell types, counts and comparisons of models."""

__version__ = "0.1.0"
