"""The figure of sampling points: which pixel stands where, and that no point lies outside its crop."""

import numpy as np
import pandas as pd

from hemoseg.figures.sampling import Seen, points_caption, sampling_locations

SEEN = {name: Seen(np.full((3, 30, 40), 0.7), np.eye(30, 40, dtype=int)) for name in ("a", "b")}
PIXELS = [("touching", "a", 2, 3), ("centre", "b", 15, 20), ("given", "a", 29, 39), ("centre", "a", 10, 30)]


def points(pixels=PIXELS):
    rows = [
        (model, kind, sample, row, column, depth, row + shift, column - 0.5 * shift, weight)
        for kind, sample, row, column in pixels
        for model, weight in (("unet", 3), ("deformable_unet", 1))
        for depth in (2, 3)
        for shift in (-depth, 0, depth)
    ]
    names = ["model", "kind", "sample", "pixel_row", "pixel_column", "depth", "row", "column", "weight"]
    return pd.DataFrame(rows, columns=names)


def test_a_row_is_a_pixel_and_a_column_a_depth_of_a_model():
    drawn = sampling_locations(points(), SEEN, {"unet": "U-Net", "other": "Other", "deformable_unet": "dU-Net"})
    grid = np.array(drawn.axes).reshape(4, 5)
    kinds = ["named in the settings", "a cell's centre", "a cell's centre", "a touching pair"]
    assert [axes.get_ylabel() for axes in grid[:, 0]] == kinds
    titles = [axes.get_title(loc="left") for axes in grid[0]]
    ends = [
        "U-Net\nlast two layers",
        "dU-Net\nlast two layers",
        "U-Net\nlast three layers",
        "dU-Net\nlast three layers",
    ]
    assert titles == ["", *ends]
    assert [axes.get_xlabel() for axes in grid[1, 1:3]] == ["9 ways to 3 points", "3 points"]
    for axes in grid[:, 1:].ravel():
        (dots,) = axes.collections[-1:]
        assert len(dots.get_offsets()) == 3
        assert axes.get_xlim()[0] >= -0.5
        assert axes.get_ylim()[1] >= -0.5
    left, right = grid[1, 1].get_xlim()
    assert left < 20 - 1.5 < 20 + 1.5 < right


def test_the_caption_says_which_kinds_were_not_there():
    said = points_caption(points(PIXELS[:2]), {"per_kind": 1, "path": "up", "offsets": "neighbours"})
    assert "Not found in these test images: a cell's border, an artefact." in said
    assert "transposed convolution" in said
    assert "blend of four pixels" in said
    assert "Not found" not in points_caption(points(), {"per_kind": 0, "path": "skip", "offsets": "interpolated"})
