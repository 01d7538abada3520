"""Papers' tables from counts: columns, conventions, published numbers, Markdown."""
