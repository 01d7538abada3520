"""All columns that a table can show, by id. A new column is one more entry of a theme's ``COLUMNS``."""

from hemoseg.tables import cell_columns, pixel_columns, roc_columns

COLUMNS = {column.key: column for column in (*pixel_columns.COLUMNS, *cell_columns.COLUMNS, *roc_columns.COLUMNS)}
