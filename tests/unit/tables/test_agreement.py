import json

import numpy as np
import pytest

from hemoseg.tables.agreement import FALSE_ALARMS, WORD, agreement, agreement_flags, judged, reference


def field(centres, size=(90, 120), radius=8, ground=220, cell=90):
    """A frame of dark discs, uint8 ``(3, H, W)``, and their mask."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.any([(rows - r) ** 2 + (columns - c) ** 2 <= radius**2 for r, c in centres], axis=0)
    noise = np.random.default_rng(0).normal(0, 4, (3, *size))
    return np.clip(np.where(mask, cell, ground) + noise, 0, 255).astype(np.uint8), mask


GRID = [(15 + 30 * i, 15 + 30 * j) for i in range(3) for j in range(4)]


def seen(number, seed=0):
    """Rows as frames of one kind might give."""
    rng = np.random.default_rng(seed)
    return [
        {"dice": 0.95 + 0.02 * rng.normal(), "disputed": abs(0.1 * rng.normal()), "typical_area": 200.0}
        for _ in range(number)
    ]


def test_a_network_that_sees_what_the_threshold_sees_agrees():
    image, mask = field(GRID)
    row = agreement(mask, image)
    assert row["dice"] > 0.99
    assert row["disputed"] == 0
    assert row["cells"] == row["label_cells"] == len(GRID)


def test_every_cell_that_one_side_lacks_is_disputed():
    image, mask = field(GRID)
    _, half = field(GRID[:6])
    row = agreement(half, image)
    assert row["disputed"] == pytest.approx(1 - 2 * 6 / 18)
    assert row["dice"] == pytest.approx(2 / 3, abs=0.02)
    assert agreement(np.zeros_like(mask), image)["disputed"] == 1


def test_frames_like_those_of_the_reference_are_seldom_flagged():
    known = json.loads(json.dumps(reference(seen(200))))
    alarms = np.mean([bool(judged(row, known)) for row in seen(4000, seed=1)])
    assert 0.2 * FALSE_ALARMS < alarms < 1.6 * FALSE_ALARMS
    assert not any(judged(row, reference(seen(20))) for row in seen(20))


def test_a_flag_names_what_is_beyond_and_by_how_much():
    known = reference(seen(30))
    ((word, reason),) = judged({"dice": 0.4, "disputed": 0.9}, known)
    assert word == WORD
    assert "0.40" in reason
    assert f"at least {known['dice']['least']:.2f} was seen in 30 frames" in reason
    ((_, reason),) = judged({"dice": 1.0, "disputed": 0.9}, known)
    assert f"0.90, at most {known['disputed']['most']:.2f}" in reason


@pytest.mark.parametrize("factor", [1, 2])
def test_an_image_is_judged_on_the_grid_of_the_training(factor, monkeypatch):
    image, mask = field(GRID)
    known = {"agreement": reference([agreement(mask, image)] * 3)}
    large, cells = (np.kron(one, np.ones((factor, factor), one.dtype)) for one in (image, mask.astype(np.int32)))
    shapes = []
    seen_as = lambda mask, image: shapes.append((mask.shape, image.shape[1:])) or agreement(mask, image)  # noqa: E731
    monkeypatch.setattr("hemoseg.tables.agreement.agreement", seen_as)
    assert agreement_flags(large, cells, known, 1 / factor) == []
    assert agreement_flags(large, np.zeros_like(cells), known, 1 / factor)[0][0] == WORD
    assert shapes == [(mask.shape, mask.shape)] * 2
    assert agreement_flags(large, np.zeros_like(cells), {}, 1 / factor) == []
    assert agreement_flags(large, np.zeros_like(cells), None, 1 / factor) == []


def test_of_a_large_image_the_middle_is_read(monkeypatch):
    monkeypatch.setattr("hemoseg.tables.agreement.MOST_SIDE", 240)

    class Sliced(np.ndarray):
        """Remembers how much of it was asked for."""

        def __getitem__(self, key):
            part = np.asarray(self)[key]
            assert part.size <= 3 * 240**2
            return part

    image, mask = field(GRID)
    known = {"agreement": reference([agreement(mask, image)] * 3)}
    large = np.tile(image, (1, 5, 5)).view(Sliced)
    cells = np.tile(mask, (5, 5)).astype(np.int32).view(Sliced)
    assert agreement_flags(large, cells, known) == []
    shapes = []
    monkeypatch.setattr("hemoseg.tables.agreement.agreement", lambda mask, _: shapes.append(mask.shape) or told)
    told = {"dice": 1.0, "disputed": 0.0}
    for scale in (1, 0.5, 2):  # on the network's grid the middle is as large, as far as there is so much
        agreement_flags(np.asarray(large), np.asarray(cells), known, scale)
    assert shapes == [(240, 240), (225, 240), (240, 240)]


def test_no_rows_are_no_reference():
    with pytest.raises(ValueError, match="no frame"):
        reference([])


@pytest.mark.parametrize("frames", [39, 40, 78, 79, 200])
def test_one_more_frame_like_those_of_the_reference_passes_each_limit_at_most_as_often_as_said(frames):
    values = np.random.default_rng(frames).permutation(frames) / frames
    told = reference([{"dice": one, "disputed": 1 - one, "typical_area": 9.0} for one in values])
    for beyond in ((values < told["dice"]["least"]).sum(), (1 - values > told["disputed"]["most"]).sum()):
        # Of equally likely places of the new frame among the others, `beyond` + 1 lie past the limit.
        assert (beyond + 1) / (frames + 1) <= FALSE_ALARMS / 2 + 1e-9 < (beyond + 2) / (frames + 1)
