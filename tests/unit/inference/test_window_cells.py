"""Each cell of an image in windows comes out once, whole."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.inference.window_cells import cores, labelled_strips, window_centres
from hemoseg.labels.components import connected_components
from hemoseg.models import Labelled

WINDOW, OVERLAP = (32, 40), 0.5  # cells up to 8 pixels wide are seen whole by the window that they are taken from


def discs(size, count, seed, radii=(1.5, 3.5)):
    """An image of separate discs ``(1, H, W)``, brighter in every second one."""
    random = np.random.default_rng(seed)
    image, near = np.zeros((1, *size), np.uint8), np.zeros(size, bool)
    rows, columns = np.mgrid[: size[0], : size[1]]
    for number in range(count):
        row, column, radius = random.uniform(0, size[0]), random.uniform(0, size[1]), random.uniform(*radii)
        distance = np.hypot(rows - row, columns - column)
        if not near[distance < radius + 2].any():
            image[0, distance < radius] = 100 + 100 * (number % 2)
            near |= distance < radius
    return image


def says(image):
    """A model that finds the discs; the numbers of its cells mean nothing."""
    mask = image[0] > 0
    cells = connected_components(mask)
    probability = np.stack([~mask, image[0] == 100, image[0] == 200]).astype(np.float32)
    return Labelled(probability.argmax(0).astype(np.uint8), probability, (cells.max() + 1 - cells) * mask)


def joined(image, label, **told):
    told = {"window": WINDOW, "overlap": OVERLAP} | told
    strips = list(labelled_strips(label, lambda a, b: image[:, a:b], image.shape[1:], **told))
    parts = [[getattr(one, name) for one in strips] for name in ("classes", "instances", "probability")]
    return tuple(None if part[0] is None else np.concatenate(part, axis=-2) for part in parts)


def same_cells(one, other):
    """Whether two label images differ in their numbers alone."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    return len(pairs[0]) == len(np.unique(one)) == len(np.unique(other)) and np.array_equal(one > 0, other > 0)


@settings(max_examples=25, deadline=None)
@given(rows=st.integers(5, 110), columns=st.integers(5, 110), seed=st.integers(0, 10_000))
def test_every_cell_once_and_whole(rows, columns, seed):
    image = discs((rows, columns), rows * columns // 60, seed)
    classes, instances, probability = joined(image, says)
    whole = says(image)
    assert same_cells(instances, whole.instances)
    assert np.array_equal(classes, whole.classes)
    assert np.array_equal(probability, whole.probability)


def test_a_cell_that_windows_see_differently_comes_out_once():
    image = np.pad(discs((100, 100), 200, 3, radii=(3.2, 3.7)), ((0, 0), (10, 10), (10, 10)))
    image *= connected_components(image[0] > 0, 30) > 0  # without what was cut before the image was framed
    random = np.random.default_rng(0)

    def differently(part):
        said = says(part)
        grown = np.zeros_like(said.instances)
        for number in range(1, said.instances.max() + 1):
            rows, columns = np.nonzero(said.instances == number)
            columns = np.clip(columns + random.integers(-1, 2), 0, grown.shape[1] - 1)
            grown[rows, columns] = number
        return Labelled((grown > 0).astype(np.uint8), None, grown)

    instances = joined(image, differently)[1]
    true = says(image).instances
    centres = [np.argwhere(true == number).mean(axis=0) for number in range(1, true.max() + 1)]
    said = [instances[round(row), round(column)] for row, column in centres]
    assert len(said) > 40
    assert 0 not in said
    assert len(set(said)) == len(said)
    assert len(np.unique(instances)) - 1 == true.max()


def test_cells_of_two_windows_that_share_some_pixels_both_stay():
    """The first window takes a column of the second cell for the first; the second one takes the first for class 2."""
    said = []

    def label(part):
        cells = np.zeros(part.shape[1:], int)
        if not said:
            cells[10:15, 22:38], cells[10:15, 38:] = 1, 2
            kinds = np.array([0, 1, 1])
        else:
            cells[10:15, 2:17], cells[10:15, 17:24] = 1, 2  # columns 22 to 36 and 37 to 43 of the image
            kinds = np.array([0, 2, 2])
        said.append(True)
        return Labelled(kinds[cells].astype(np.uint8), None, cells)

    classes, instances, _ = joined(np.zeros((1, 32, 60), np.uint8), label)
    assert len(said) == 2
    line = instances[12]
    assert [len(set(line[begin:end])) for begin, end in ((22, 38), (38, 44))] == [1, 1]
    assert 0 < line[22] != line[38] > 0
    assert np.count_nonzero(line) == 22
    assert classes[12].tolist() == [0] * 22 + [1] * 16 + [2] * 6 + [0] * 16


def test_a_method_without_cells_has_the_class_of_the_core():
    image = np.zeros((1, 60, 70), np.uint8)
    counter = iter(range(1, 100))
    classes, instances, probability = joined(
        image, lambda part: Labelled(np.full(part.shape[1:], next(counter), np.uint8)), window=(40, 40)
    )
    assert instances is None
    assert probability is None
    parts = [(rows, columns) for rows in cores([0, 20], 40, 60) for columns in cores([0, 15, 30], 40, 70)]
    for number, ((top, bottom), (left, right)) in enumerate(parts, 1):
        assert (classes[top:bottom, left:right] == number).all()


def test_cores_cover_a_length_without_overlap():
    parts = cores([0, 10, 21], 20, 41)
    assert parts == [(0, 15), (15, 25), (25, 41)]


@pytest.mark.parametrize("size", [(32, 40), (75, 90), (20, 130)])
def test_each_proposed_box_once(size):
    image = discs(size, 60, 1)

    def propose(part):
        cells = connected_components(part[0] > 0)
        places = [np.argwhere(cells == number) for number in range(1, cells.max() + 1)]
        boxes = [(*place.min(0)[::-1], *(place.max(0)[::-1] + 1), 1.0) for place in places]
        return np.array(boxes, np.float32).reshape(-1, 5)

    found = window_centres(propose, lambda a, b: image[:, a:b], size, window=WINDOW, overlap=OVERLAP)
    whole = propose(image)
    wanted = np.stack([(whole[:, 1] + whole[:, 3] - 1) / 2, (whole[:, 0] + whole[:, 2] - 1) / 2], 1)
    assert sorted(map(tuple, found.tolist())) == sorted(map(tuple, wanted.tolist()))
    assert window_centres(lambda part: None, lambda a, b: image[:, a:b], size, window=WINDOW, overlap=0.5) is None
