"""From counts to the rows and columns of a table."""
