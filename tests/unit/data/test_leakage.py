import numpy as np
import pytest

from benchmarks.leakage.planted import frames
from hemoseg.data.leakage import LISTED, Sides, find_leakage, listed, overlapping, require_none, sentences
from hemoseg.data.protocol import checked
from hemoseg.data.samples import Samples
from hemoseg.data.splits import Split
from hemoseg.data.tiles import tiles
from hemoseg.errors import InputError


def samples_of(images, frame_of, boxes=None, groups=None):
    count = len(images)
    return Samples(
        images=images,
        classes=[],
        instances=[],
        ids=[f"s{n:02d}" for n in range(count)],
        frames=list(frame_of),
        groups=groups or [""] * count,
        kinds=[""] * count,
        boxes=np.zeros((count, 4), int) if boxes is None else np.array(boxes),
        frame_sizes=np.full((count, 2), 4),
        class_names=["background", "cell"],
        white=255.0,
    )


def blank(count):
    return [np.zeros((1, 2, 2), np.uint8)] * count


def test_overlapping_tiles_are_those_that_share_a_pixel_across_the_sides():
    rng = np.random.default_rng(0)
    boxes = np.array(tiles((0, 0, 40, 50), (16, 16), 5) + tiles((3, 2, 40, 50), (16, 16), 0))
    frame_of = rng.integers(0, 2, len(boxes))
    role = rng.integers(0, 3, len(boxes))  # 0 trains, 1 tests, 2 takes no part
    split = Split("a", [int(i) for i in np.flatnonzero(role == 0)], [], [int(i) for i in np.flatnonzero(role == 1)])
    truth = {}
    for test in split.test:
        for train in split.train:
            painted = np.zeros((2, 60, 60), int)
            for number in (test, train):
                row0, col0, row1, col1 = boxes[number]
                painted[frame_of[number], row0:row1, col0:col1] += 1
            if (painted > 1).any():
                truth[test, train] = (painted > 1).sum() / 256
    assert len(truth) > 10
    assert overlapping(boxes, frame_of, Sides([split], len(boxes))) == pytest.approx(truth)


def test_sides_are_those_of_any_split_and_validation_counts_as_training():
    splits = [Split("a", [0], [1], [2]), Split("b", [2], [], [3])]
    sides = Sides(splits, 5)
    crosses = {(i, j) for i, row in enumerate(sides.crossing(np.arange(5))) for j in np.flatnonzero(row)}
    assert crosses == {(0, 2), (2, 0), (1, 2), (2, 1), (2, 3), (3, 2)}
    assert sides.ordered((2, 3)) == ((3, 2), "b")
    assert sides.ordered((1, 2)) == ((2, 1), "a")
    with pytest.raises(ValueError, match="never on two sides"):
        sides.ordered((0, 4))


def test_copies_across_the_sides_are_named_with_what_was_done_to_them():
    images = frames(12)
    images[9] = images[2][:, :, ::-1].copy()  # tested, of a frame that trains
    images[1] = images[0].copy()  # both train
    samples = samples_of(images, [f"f{n}" for n in range(12)])
    splits = [Split("only", list(range(7)), [7], [8, 9, 10, 11])]
    found = find_leakage(samples, splits)
    assert list(found.copies) == [(9, 2)]
    assert found.counts() == {"frames": 0, "groups": 0, "overlaps": 0, "copies": 1}
    told = listed(found, samples, Sides(splits, 12))
    (copy,) = told["copies"]
    assert (copy["test"], copy["train"], copy["split"], copy["same"]) == ("s09", "s02", "only", False)
    assert copy["how"] in ("mirrored", "mirrored, turned by 180 degrees")
    assert (told["copied_test_samples"], told["test_samples"]) == (1, 4)
    with pytest.raises(InputError, match=r"1 test samples are copies .* s09 \(test\) and s02 \(training\): mirrored"):
        require_none(found, samples, checked({}))
    require_none(found, samples, checked({"leakage": ["copies"]}))


def test_parts_of_one_frame_are_called_so_and_not_copies():
    (image,) = frames(1)
    samples = samples_of([image, image], ["f", "f"], [[0, 0, 4, 4], [0, 0, 4, 4]], ["p", "p"])
    found = find_leakage(samples, [Split("a", [0], [], [1])])
    assert found.counts() == {"frames": 1, "groups": 1, "overlaps": 1, "copies": 0}
    assert found.overlaps == {(1, 0): 1.0}
    told = sentences(found, samples, checked({}))
    assert told[2] == "1 test samples overlap training samples, such as s01 (test) and s00 (training) by 100%, " + (
        "`by: frame` keeps them together"
    )


def test_unknown_groups_are_no_finding():
    found = find_leakage(samples_of(blank(4), "abcd"), [Split("a", [0, 1], [], [2, 3])])
    assert set(found.counts().values()) == {0}
    assert sentences(found, samples_of(blank(4), "abcd"), checked({})) == []


def test_all_are_counted_and_the_first_are_listed():
    count = LISTED + 40
    names = [f"f{n // 2}" for n in range(2 * count)]
    samples = samples_of(blank(2 * count), names)
    splits = [Split("a", list(range(0, 2 * count, 2)), [], list(range(1, 2 * count, 2)))]
    told = listed(find_leakage(samples, splits), samples, Sides(splits, 2 * count))
    assert told["counts"]["frames"] == count
    assert len(told["frames"]) == LISTED
