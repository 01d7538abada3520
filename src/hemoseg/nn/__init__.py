"""Textbook parts of networks; they know nothing of this project."""
