"""All columns that a table can show, by id. A new column is one more entry of a theme's ``COLUMNS``."""

from hemoseg.tables import (
    calibration_columns,
    cell_calibration_columns,
    cell_columns,
    challenge_columns,
    class_columns,
    count_columns,
    distance_columns,
    instance_columns,
    number_columns,
    pixel_columns,
    pooled_columns,
    roc_columns,
)

_THEMES = (pixel_columns, pooled_columns, distance_columns, cell_columns, count_columns, instance_columns, roc_columns)
_THEMES += (challenge_columns, class_columns, calibration_columns, cell_calibration_columns)
_THEMES += (number_columns,)
COLUMNS = {column.key: column for theme in _THEMES for column in theme.COLUMNS}
