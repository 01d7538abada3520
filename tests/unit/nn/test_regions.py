"""What regions learn against plain loops over pixels, and that ignored pixels teach nothing."""

from itertools import product

import pytest
import torch

from hemoseg.nn.proposals import IGNORED, NEGATIVE
from hemoseg.nn.regions import IGNORE, mask_targets, match_regions, mostly_known, truth_of
from tests.plain_boxes import share

torch.set_num_threads(1)  # the tensors are tiny
HEIGHT, WIDTH, CLASSES = 18, 24, 4


def scene(seed=0):
    """Cells with gaps in their numbers, pixels of other classes within them, and ignored pixels."""
    generator = torch.Generator().manual_seed(seed)
    instances = torch.zeros(HEIGHT, WIDTH, dtype=torch.int64)
    for number, (r, c, h, w) in {
        3: (1, 1, 7, 8),
        4: (1, 9, 6, 5),
        9: (10, 3, 7, 9),
        12: (9, 15, 1, 8),
        20: (12, 18, 5, 5),
    }.items():
        instances[r : r + h, c : c + w] = number
    classes = torch.randint(0, CLASSES, (HEIGHT, WIDTH), generator=generator)
    classes[torch.rand(HEIGHT, WIDTH, generator=generator) < 0.15] = IGNORE
    classes[:8, 6:12] = IGNORE
    classes[instances == 20] = torch.where(classes[instances == 20] == IGNORE, IGNORE, 0)
    return classes, instances


def cells_by_loops(classes, instances, least_side):
    found = {}
    for number in sorted(set(instances[instances > 0].tolist())):
        pixels = [
            (r, c) for r, c in product(range(HEIGHT), range(WIDTH))
            if instances[r, c] == number and classes[r, c] != IGNORE
        ]  # fmt: skip
        votes = [sum(int(classes[p]) == kind for p in pixels) for kind in range(1, CLASSES)]
        if not pixels or not max(votes):
            continue
        rows, columns = zip(*pixels, strict=True)
        box = [min(columns), min(rows), max(columns) + 1, max(rows) + 1]
        if min(box[2] - box[0], box[3] - box[1]) >= least_side:
            found[number] = (box, votes.index(max(votes)) + 1)
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("least_side", [1.0, 2.0])
def test_a_cell_is_what_is_known_of_it(seed, least_side):
    classes, instances = scene(seed)
    truth = truth_of(classes, instances, CLASSES, least_side=least_side)
    wanted = cells_by_loops(classes, instances, least_side)
    assert truth.ids.tolist() == list(wanted)
    assert truth.boxes.tolist() == [box for box, _ in wanted.values()]
    assert truth.classes.tolist() == [kind for _, kind in wanted.values()]
    assert 12 not in wanted or least_side < 2  # a sliver
    assert 20 not in wanted  # all its known pixels are background
    assert torch.equal(truth.known, classes != IGNORE)


def test_what_lies_under_ignored_pixels_teaches_nothing():
    classes, instances = scene()
    other = torch.where(classes == IGNORE, torch.randint(0, 30, instances.shape), instances)
    assert not torch.equal(other, instances)
    a, b = (truth_of(classes, one, CLASSES, least_side=1.0) for one in (instances, other))
    for name, value in vars(a).items():
        assert torch.equal(value, getattr(b, name)), name


@pytest.mark.parametrize("ignored", [False, True])
def test_an_image_without_cells_has_no_truth(ignored):
    none = torch.zeros(HEIGHT, WIDTH, dtype=torch.int64)
    truth = truth_of(none + IGNORE if ignored else none, none + 5 if ignored else none, CLASSES, least_side=1.0)
    assert truth.boxes.shape == (0, 4)
    regions = torch.tensor([[0.0, 0.0, 9.0, 9.0]])
    assert match_regions(regions, truth).tolist() == [IGNORED if ignored else NEGATIVE]
    assert match_regions(regions[:0], truth).shape == (0,)
    assert [len(one) for one in mask_targets(truth, regions[:0], torch.zeros(0).long(), 4)] == [0, 0]


def test_a_box_is_known_by_its_share_of_ignored_pixels():
    generator = torch.Generator().manual_seed(2)
    known = torch.rand(HEIGHT, WIDTH, generator=generator) > 0.25
    corners = torch.rand(60, 2, 2, generator=generator) * 40 - 8
    boxes = torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)
    wanted = []
    for x0, y0, x1, y1 in boxes.round().long().tolist():
        pixels = [bool(known[r, c]) for r, c in product(range(HEIGHT), range(WIDTH)) if y0 <= r < y1 and x0 <= c < x1]
        wanted.append(pixels.count(False) <= 0.25 * len(pixels))
    assert mostly_known(boxes, known).tolist() == wanted
    assert {True, False} == set(wanted)


def test_a_region_learns_the_cell_that_it_shares_most_with():
    truth = truth_of(*scene(), CLASSES, least_side=1.0)
    generator = torch.Generator().manual_seed(3)
    near = truth.boxes.repeat(30, 1) + 2 * torch.randn(30 * len(truth.boxes), 4, generator=generator)
    corners = torch.rand(60, 2, 2, generator=generator) * torch.tensor([WIDTH, HEIGHT])
    regions = torch.cat([truth.boxes, near, torch.cat([corners.amin(dim=1), corners.amax(dim=1)], dim=1)])
    regions = regions[(regions[:, 2:] - regions[:, :2] >= 1).all(dim=1)]
    found = match_regions(regions, truth).tolist()
    for region, partner, known in zip(
        regions.tolist(), found, mostly_known(regions, truth.known).tolist(), strict=True
    ):
        shares = [share(region, box) for box in truth.boxes.tolist()]
        background = NEGATIVE if known else IGNORED
        assert partner == (shares.index(max(shares)) if max(shares) >= 0.5 else background)
    assert {IGNORED, NEGATIVE, *range(len(truth.boxes))} == set(found)


@pytest.mark.parametrize("side", [1, 5, 14])
def test_a_mask_looks_at_the_pixels_under_its_points(side):
    truth = truth_of(*scene(), CLASSES, least_side=1.0)
    partner = torch.arange(len(truth.boxes)).repeat(3)
    generator = torch.Generator().manual_seed(4)
    regions = truth.boxes.repeat(3, 1) + 3 * torch.randn(len(partner), 4, generator=generator)
    regions = torch.minimum(regions.clamp(min=0), torch.tensor([WIDTH, HEIGHT, WIDTH, HEIGHT]))
    masks, known = mask_targets(truth, regions, partner, side)
    assert masks.dtype == known.dtype == torch.bool
    for n, (x0, y0, x1, y1) in enumerate(regions.tolist()):
        number = int(truth.ids[partner[n]])
        for i, j in product(range(side), repeat=2):
            hits = seen = 0
            for a, b in product((0.25, 0.75), repeat=2):
                r = min(int(y0 + (y1 - y0) * (i + a) / side), HEIGHT - 1)
                c = min(int(x0 + (x1 - x0) * (j + b) / side), WIDTH - 1)
                seen += bool(truth.known[r, c])
                hits += bool(truth.known[r, c]) and int(truth.instances[r, c]) == number
            assert bool(known[n, i, j]) == (seen > 0)
            assert bool(masks[n, i, j]) == (seen > 0 and hits >= seen / 2)
    assert masks.any()
    assert not known.all()
