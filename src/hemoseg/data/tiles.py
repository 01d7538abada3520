"""Cutting a frame into samples: the whole frame, its quadrants, or tiles with overlap."""

Box = tuple[int, int, int, int]  # row0, col0, row1, col1


def quadrants(box: Box) -> list[Box]:
    """The four quarters of ``box``, in reading order; an odd pixel goes to the lower or right part."""
    row0, col0, row1, col1 = box
    rows, columns = (row0, (row0 + row1) // 2, row1), (col0, (col0 + col1) // 2, col1)
    return [(rows[i], columns[j], rows[i + 1], columns[j + 1]) for i in (0, 1) for j in (0, 1)]


def tiles(box: Box, tile: tuple[int, int], overlap: int) -> list[Box]:
    """Tiles of one size that cover ``box``; the last of a row or column is moved inwards to stay inside.

    Args:
        box: what to cover.
        tile: rows and columns of a tile.
        overlap: pixels that neighbours share at least.

    Raises:
        ValueError: a tile does not fit into ``box``, or the overlap is not smaller than a tile.
    """
    row0, col0, row1, col1 = box
    if not 0 <= overlap < min(tile):
        raise ValueError(f"an overlap of {overlap} px needs to be smaller than the tile, {tile[0]} x {tile[1]}")
    if row1 - row0 < tile[0] or col1 - col0 < tile[1]:
        raise ValueError(f"{row1 - row0} x {col1 - col0} px hold no tile of {tile[0]} x {tile[1]}")
    rows, columns = _starts(row0, row1, tile[0], overlap), _starts(col0, col1, tile[1], overlap)
    return [(row, column, row + tile[0], column + tile[1]) for row in rows for column in columns]


def _starts(start: int, end: int, length: int, overlap: int) -> list[int]:
    """Evenly spread starts of the fewest pieces that cover start..end."""
    reach, stride = end - start - length, length - overlap
    count = -(-reach // stride) + 1
    return [start + round(i * reach / max(count - 1, 1)) for i in range(count)]
