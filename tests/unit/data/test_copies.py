import numpy as np
import pytest

from benchmarks.leakage.planted import COPIES, all_pairs, frames, planted
from hemoseg.data.copies import PAIRS, find_copies
from hemoseg.data.pictures import SIDE, positions_of_square, spectra


@pytest.fixture(scope="module")
def smears():
    """Frames of two simulated patients, which look alike and are no copies."""
    return frames(16)


def pairs(images):
    return {(copy.first, copy.second) for copy in find_copies(images, all_pairs(len(images)))}


@pytest.mark.parametrize("kind", COPIES)
def test_a_planted_copy_is_found_and_nothing_else(smears, kind):
    images, truth = planted(smears, kind, 4, np.random.default_rng(1))
    assert pairs(images) == truth


def test_a_copy_tells_how_it_was_made(smears):
    image = smears[3]
    turned = np.rot90(image[:, :, ::-1], axes=(1, 2))
    copies = find_copies([*smears, np.ascontiguousarray(turned), image.copy()], all_pairs(18))
    told = {(copy.first, copy.second): copy for copy in copies}
    assert told[3, 17].same
    assert told[3, 17].words() == "the same pixels"
    copy = told[3, 16]
    assert not copy.same
    assert copy.correlation == pytest.approx(1, abs=1e-4)
    assert copy.words() in ("mirrored, turned by 90 degrees", "mirrored, turned by 270 degrees")
    back = np.rot90(turned[:, :, ::-1] if copy.mirrored else turned, copy.turned // 90, axes=(1, 2))
    np.testing.assert_array_equal(back, image)


def test_a_shift_is_told_as_a_share_of_the_image(smears):
    rows, columns = 14, 19  # of 130 x 173
    images = [image[:, :130, :173] for image in smears]
    moved = smears[2][:, rows : rows + 130, columns : columns + 173]
    (copy,) = find_copies([*images, moved], all_pairs(17))
    assert (copy.first, copy.second) == (2, 16)
    assert copy.shifted == pytest.approx((rows / 130, columns / 173), abs=0.5 / SIDE)
    (back,) = find_copies([moved, *images], all_pairs(17))
    assert (back.first, back.second) == (0, 3)
    assert back.shifted == pytest.approx((-rows / 130, -columns / 173), abs=0.5 / SIDE)


def test_only_pairs_that_matter_are_asked_for(smears):
    images = [*smears, smears[0].copy(), smears[1][:, :, ::-1].copy()]
    side = np.arange(18) < 8  # the copy of frame 0 trains with it, the mirrored frame 1 is tested by it
    side[16] = True
    found = find_copies(images, lambda positions: side[positions, None] != side[None])
    assert [(copy.first, copy.second, copy.words()) for copy in found] == [(1, 17, "mirrored")]


def test_images_that_show_nothing_are_nobodys_copy():
    assert pairs([np.full((1, 8, 8), value, np.uint8) for value in (0, 0, 7)]) == set()
    assert pairs([]) == set()
    assert pairs([np.eye(8, dtype=np.uint8)[None]]) == set()


def test_of_many_equal_images_each_has_a_partner(smears):
    found = pairs([smears[0]] * 5 + smears[1:3])
    assert {position for pair in found for position in pair} == set(range(5))


def test_what_all_images_share_makes_no_copies(smears):
    rows, columns = np.mgrid[:144, :192]
    outside = np.hypot(rows - 72, columns - 96) > 66
    pixels = [np.where(outside, np.uint8(0), image) for image in smears]
    assert pairs(pixels) == set()


def test_equal_pixels_of_another_depth_or_shape_are_not_the_same_file(smears):
    deep = smears[0].astype(np.uint16) * 257
    (copy,) = find_copies([smears[0], deep, smears[1]], all_pairs(3))
    assert (copy.first, copy.second, copy.same) == (0, 1, False)


def test_neither_turns_nor_mirrors_change_a_spectrum():
    rng = np.random.default_rng(0)
    picture = rng.normal(size=(SIDE, SIDE)).astype(np.float32)
    found = spectra(np.concatenate([positions_of_square(picture), rng.normal(size=(4, SIDE, SIDE))]))
    np.testing.assert_allclose(found[:8], found[:1].repeat(8, axis=0), atol=1e-3)
    assert (found[0] @ found[8:].T < 0.9).all()


def test_a_large_set_is_looked_at_in_blocks_and_in_few_pairs(smears, monkeypatch):
    from hemoseg.data import copies

    images, truth = planted(smears, "mirrored", 4, np.random.default_rng(2))
    monkeypatch.setattr(copies, "BLOCK", 3)
    monkeypatch.setattr(copies, "PAIRS", 1)
    assert PAIRS > 1
    assert pairs(images) == truth


def test_a_few_cells_that_happen_to_stand_alike_make_no_copies():
    rng = np.random.default_rng(1)
    images = []
    for _ in range(12):
        image = rng.integers(180, 200, (1, 64, 64)).astype(np.uint8)
        for row in (4, 24, 44):
            column = int(rng.integers(4, 50))
            image[0, row : row + 12, column : column + 12] -= np.uint8(90)
        images.append(image)
    assert pairs(images) == set()
    assert pairs([*images, images[5][:, ::-1].copy()]) == {(5, 12)}
