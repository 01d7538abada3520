"""Detections and the picture made of them against plain loops over pixels."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.nn.detections import Detections, detect, paint, paste
from tests.plain_boxes import share

torch.set_num_threads(1)  # the tensors are tiny
HEIGHT, WIDTH = 21, 27


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def boxes_drawn(number, seed=0):
    """Boxes of all kinds, each side 1 pixel or more."""
    generator = torch.Generator().manual_seed(seed)
    least = torch.rand(number, 2, generator=generator, dtype=torch.float64) * torch.tensor([WIDTH - 8, HEIGHT - 8])
    size = 1 + torch.rand(number, 2, generator=generator, dtype=torch.float64) * 12
    most = torch.minimum(least + size, torch.tensor([WIDTH, HEIGHT]))
    return torch.cat([least, most], dim=1)


def detected_by_loops(logits, deltas, regions, score, overlap, most):
    found = []
    for kind in range(1, logits.shape[1]):
        candidates, kept = [], []
        for row, moves, (x0, y0, x1, y1) in zip(
            logits.tolist(), deltas[:, kind - 1].tolist(), regions.tolist(), strict=True
        ):
            chance = math.exp(row[kind]) / sum(map(math.exp, row))
            w, h = ((x1 - x0) * math.exp(0.2 * moves[2]), (y1 - y0) * math.exp(0.2 * moves[3]))
            x, y = (x0 + x1) / 2 + 0.1 * moves[0] * (x1 - x0), (y0 + y1) / 2 + 0.1 * moves[1] * (y1 - y0)
            box = [min(max(x - w / 2, 0), WIDTH), min(max(y - h / 2, 0), HEIGHT)]
            box += [min(max(x + w / 2, 0), WIDTH), min(max(y + h / 2, 0), HEIGHT)]
            if chance >= score and box[2] - box[0] >= 1 and box[3] - box[1] >= 1:
                candidates.append([*box, chance, kind])
        for one in sorted(candidates, key=lambda one: -one[4]):
            if all(share(one, other) <= overlap for other in kept):
                kept.append(one)
        found += kept
    return sorted(found, key=lambda one: -one[4])[:most]


@pytest.mark.parametrize(("score", "overlap", "most"), [(0.05, 0.5, 300), (0.3, 0.2, 300), (0.0, 1.0, 40)])
def test_detections_are_those_of_loops(score, overlap, most):
    regions, logits, deltas = boxes_drawn(40), 2 * drawn(40, 4), 3 * drawn(40, 3, 4, seed=1)
    wanted = torch.tensor(detected_by_loops(logits, deltas, regions, score, overlap, most), dtype=torch.float64)
    found = detect(logits, deltas, regions, HEIGHT, WIDTH, score=score, overlap=overlap, most=most)
    assert 10 < len(wanted) <= most
    assert set(found.classes.tolist()) == {1, 2, 3}
    table = torch.cat([found.boxes, found.scores[:, None], found.classes[:, None].double()], dim=1)
    assert torch.allclose(table, wanted, rtol=1e-9, atol=1e-9)


def test_no_region_and_no_number_detect_nothing():
    options = {"score": 0.0, "overlap": 0.5, "most": 9}
    for number, value in ((0, 0.0), (3, float("nan"))):
        found = detect(drawn(number, 3) * value, drawn(number, 2, 4), boxes_drawn(number), 9, 9, **options)
        assert found.boxes.shape == (0, 4)
        assert found.scores.shape == found.classes.shape == (0,)


def pasted_by_loops(mask, box, height, width):
    """What the mask says of each pixel whose centre lies in the box, by (row, column)."""
    side, (x0, y0, x1, y1), said = len(mask), box, {}
    for r in range(height):
        for c in range(width):
            if x0 <= c + 0.5 < x1 and y0 <= r + 0.5 < y1:
                i, j = ((r + 0.5 - y0) / (y1 - y0) * side - 0.5, (c + 0.5 - x0) / (x1 - x0) * side - 0.5)
                i, j = min(max(i, 0), side - 1), min(max(j, 0), side - 1)
                said[r, c] = sum(
                    max(0, 1 - abs(a - i)) * max(0, 1 - abs(b - j)) * mask[a][b]
                    for a in range(side)
                    for b in range(side)
                )
    return said


@pytest.mark.parametrize("seed", range(3))
def test_a_mask_is_pasted_by_the_centres_of_pixels(seed):
    boxes = torch.cat([boxes_drawn(8, seed), torch.tensor([[0, 0, WIDTH, HEIGHT], [3, 4, 9, 5], [2.6, 2.6, 3.4, 3.4]])])
    for number, box in enumerate(boxes):
        mask = drawn(4, 4, seed=number)
        rows, columns, inside = paste(mask, box, HEIGHT, WIDTH)
        wanted = pasted_by_loops(mask.tolist(), box.tolist(), HEIGHT, WIDTH)
        places = [(r, c) for r in range(rows.start, rows.stop) for c in range(columns.start, columns.stop)]
        assert set(places) == set(wanted)
        for place, value in zip(places, inside.flatten().tolist(), strict=True):
            assert value == pytest.approx(wanted[place], abs=1e-9)


def found_and_masks(number, kinds, seed):
    scores = torch.rand(number, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    scores = scores.sort(descending=True).values
    classes = torch.randint(1, kinds + 1, (number,), generator=torch.Generator().manual_seed(seed))
    return Detections(boxes_drawn(number, seed), scores, classes), (2 * drawn(number, 5, 5, seed=seed)).sigmoid()


def painted_by_loops(found, masks, n_classes, score):
    """Probability and cell of each pixel, from the words of `paint`."""
    said = [pasted_by_loops(m.tolist(), b.tolist(), HEIGHT, WIDTH) for m, b in zip(masks, found.boxes, strict=True)]
    probability, owner = torch.zeros(n_classes, HEIGHT, WIDTH).double(), torch.zeros(HEIGHT, WIDTH).long()
    for r in range(HEIGHT):
        for c in range(WIDTH):
            chance, own = [0.0] * n_classes, 0
            for n, (certain, kind) in enumerate(zip(found.scores.tolist(), found.classes.tolist(), strict=True)):
                inside = said[n].get((r, c), 0.0)
                chance[kind] = max(chance[kind], certain * inside)
                if not own and certain >= score and inside >= 0.5:
                    own = n + 1
            own_class = int(found.classes[own - 1]) if own else 0
            for kind in range(1, n_classes):
                chance[kind] = max(chance[kind], 0.501) if kind == own_class else min(chance[kind], 0.499)
            chance[0] = 1 - max(chance[1:])
            probability[:, r, c] = torch.tensor(chance, dtype=torch.float64) / sum(chance)
            owner[r, c] = own
    return probability, owner


@pytest.mark.parametrize(("kinds", "score"), [(1, 0.5), (3, 0.5), (2, 0.0), (2, 1.0)])
def test_a_picture_is_painted_pixel_by_pixel(kinds, score):
    found, masks = found_and_masks(9, kinds, 5)
    probability, owner = paint(found, masks, kinds + 1, HEIGHT, WIDTH, score=score)
    wanted, cells = painted_by_loops(found, masks, kinds + 1, score)
    assert torch.equal(owner, cells)
    assert (len(cells.unique()) > 4) == (score < 1)
    assert torch.allclose(probability, wanted, rtol=1e-9, atol=1e-9)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 6), st.integers(1, 3), st.sampled_from([0.2, 0.5, 0.9]), st.integers(0, 10**6))
def test_the_likeliest_class_is_that_of_the_cell_also_in_float16(number, kinds, score, seed):
    found, masks = found_and_masks(number, kinds, seed)
    probability, owner = paint(found, masks.float(), kinds + 1, HEIGHT, WIDTH, score=score)
    wanted = torch.cat([torch.zeros(1).long(), found.classes])[owner]
    for one in (probability, probability.half()):
        assert torch.equal(one.argmax(dim=0), wanted)
    assert torch.allclose(probability.sum(dim=0), torch.ones(HEIGHT, WIDTH))
    assert (probability >= 0).all()


def test_where_masks_overlap_the_higher_score_keeps_the_pixel():
    boxes = torch.tensor([[2.0, 2, 12, 12], [7, 2, 17, 12], [3, 3, 11, 11]])
    found = Detections(boxes, torch.tensor([0.9, 0.8, 0.7]), torch.tensor([1, 2, 2]))
    probability, owner = paint(found, torch.ones(3, 4, 4), 3, HEIGHT, WIDTH, score=0.5)
    wanted = torch.zeros(HEIGHT, WIDTH, dtype=torch.int64)
    wanted[2:12, 7:17] = 2
    wanted[2:12, 2:12] = 1
    assert torch.equal(owner, wanted)  # the third is hidden
    assert probability[1][wanted == 1].min() > 0.5
    assert probability[0][wanted == 0].min() == 1
