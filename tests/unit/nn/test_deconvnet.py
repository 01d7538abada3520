"""Pooling that remembers, unpooling, and the network made of both."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as limits
from hypothesis import strategies as st
from torch import nn

from hemoseg.models import deconvnet
from hemoseg.nn.deconvnet import mirrored, pool, unpool

FORMATS = [torch.contiguous_format, torch.channels_last]


def numbers(*shape, seed=0, few=False):
    """Random numbers; with ``few`` of three values alone, so that most blocks have equal maxima."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 3, shape, generator=generator).float() if few else torch.randn(shape, generator=generator)


def where_the_maxima_are(x):
    """(b, c, row, column) of the first maximum of each 2x2 block in the order of reading, by block, in loops."""
    found = {}
    for b, c, i, j in itertools.product(*map(range, (*x.shape[:2], x.shape[2] // 2, x.shape[3] // 2))):
        block = [(float(x[b, c, r, s]), r, s) for r in (2 * i, 2 * i + 1) for s in (2 * j, 2 * j + 1)]
        highest = max(value for value, _, _ in block)
        found[b, c, i, j] = next((r, s) for value, r, s in block if value == highest)
    return found


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("few", [False, True])
@limits(deadline=None, max_examples=15)
@given(batch=st.integers(1, 2), rows=st.integers(1, 4), columns=st.integers(1, 5), seed=st.integers(0, 9))
def test_every_maximum_goes_back_exactly_where_it_was(form, few, batch, rows, columns, seed):
    x = numbers(batch, 3, 2 * rows, 2 * columns, seed=seed, few=few).contiguous(memory_format=form)
    pooled, positions = pool(x)
    others = numbers(*pooled.shape, seed=seed + 1)
    wanted, moved = torch.zeros_like(x), torch.zeros_like(x)
    for (b, c, i, j), (row, column) in where_the_maxima_are(x).items():
        wanted[b, c, row, column] = x[b, c, row, column]
        moved[b, c, row, column] = others[b, c, i, j]
    assert torch.equal(unpool(pooled, positions), wanted)
    assert torch.equal(unpool(others, positions), moved)  # the decoder's own numbers, too


def test_unpooling_is_undone_by_pooling_and_leaves_three_of_four_numbers_0():
    pooled, positions = pool(numbers(2, 3, 8, 12).abs() + 1)
    back = unpool(pooled, positions)
    assert torch.equal(pool(back)[0], pooled)
    assert (back == 0).sum() == 3 * pooled.numel()


def test_the_gradient_goes_the_way_of_the_numbers():
    x = numbers(1, 2, 6, 4).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: unpool(*pool(x)), x)
    weights = numbers(1, 2, 3, 2, seed=1).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda w: unpool(w, pool(x)[1]), weights)


def built(width=4, in_channels=3, classes=2, **settings):
    torch.manual_seed(0)
    return deconvnet.build(in_channels, classes, width=width, **settings)


def layers(network):
    return [layer for layer in network.modules() if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d)]


def test_six_convolutions_and_six_deconvolutions_mirror_each_other():
    network, seen = built(width=4, classes=5), []
    for layer in layers(network):
        layer.register_forward_hook(lambda layer, given, out: seen.append((type(layer), given[0].shape, out.shape)))
    network(numbers(1, 3, 24, 40))
    down, up = seen[:6], seen[6:]
    assert {kind for kind, _, _ in down} == {nn.Conv2d}
    assert {kind for kind, _, _ in up} == {nn.ConvTranspose2d}
    assert [out[1:] for _, _, out in down] == [
        (c, 24 // s, 40 // s) for c, s in zip((4, 8, 16), (1, 2, 4), strict=True) for _ in "ab"
    ]
    # What a deconvolution is given has the shape of what the convolution at its place of the mirror put out.
    assert [given for _, given, _ in up] == [out for _, _, out in reversed(down)]
    assert [out for _, _, out in up[:-1]] == [given for _, given, _ in reversed(down[1:])]
    assert up[-1][2] == (1, 5, 24, 40)


def test_parameters_are_those_of_twelve_3x3_layers():
    network = built(width=4, in_channels=1, classes=3)
    pairs = [(1, 4), (4, 4), (4, 8), (8, 8), (8, 16), (16, 16), (16, 16), (16, 8), (8, 8), (8, 4), (4, 4), (4, 3)]
    assert sum(p.numel() for p in network.parameters()) == sum(9 * a * b + b for a, b in pairs)


def test_an_image_whose_sides_8_divides_is_not_filled_and_others_are_cut_back():
    network = built().eval()
    image = numbers(1, 3, 21, 30)
    filled = nn.functional.pad(image, (0, 2, 0, 3), mode="reflect")
    with torch.no_grad():
        assert torch.equal(network(image), network(filled)[..., :21, :30])


@pytest.mark.parametrize(("length", "more"), [(9, 0), (9, 7), (8, 7), (3, 5), (2, 6), (1, 7)])
@pytest.mark.parametrize("axis", [2, 3])
def test_lines_are_mirrored_at_the_last_one_and_short_images_go_on_with_the_first(axis, length, more):
    x = numbers(1, 2, *((length, 4) if axis == 2 else (4, length)))
    there = min(more, length - 1)
    pads = [[(0, 0)] * 4 for _ in range(2)]
    pads[0][axis], pads[1][axis] = (0, there), (0, more - there)
    wanted = np.pad(np.pad(x.numpy(), pads[0], "reflect"), pads[1], "edge")
    assert np.array_equal(mirrored(x, axis, more).numpy(), wanted)


def test_the_filled_border_makes_no_equal_maxima_that_rounding_could_choose_from():
    network, ties = built(width=4), []
    for level in network.down:
        level.register_forward_hook(lambda _, given, out: ties.append(equal_maxima(out)))
    network(numbers(1, 3, 61, 75))
    assert ties == [0, 0, 0]
    assert equal_maxima(torch.ones(1, 1, 4, 4)) == 4


def equal_maxima(x):
    """Blocks of 2x2 that have their maximum twice or more; those of zeros alone are left out."""
    blocks = x.unfold(2, 2, 2).unfold(3, 2, 2).flatten(4)
    highest = blocks.amax(dim=4, keepdim=True)
    return int((((blocks == highest).sum(dim=4) > 1) & (highest[..., 0] > 0)).sum())


def test_an_image_that_is_moved_by_8_pixels_moves_the_answer():
    network, image = built().eval().double(), numbers(1, 3, 128, 120).double()
    with torch.no_grad():
        here, moved = network(image), network(image[..., 8:])
    reach = 48  # farther than a pixel is seen: 2 (2 (1 + 2 + 4)) and the poolings between
    assert torch.allclose(here[..., 8 + reach : -reach], moved[..., reach:-reach], atol=1e-12)
    assert here[..., 8 + reach : -reach].std() > 0


def test_a_constant_image_takes_the_upper_left_of_every_block_and_answers_with_a_period_of_8():
    pooled, positions = pool(torch.full((1, 2, 4, 6), 3.0))
    assert positions.tolist() == [[[[0, 2, 4], [12, 14, 16]]] * 2]
    assert (unpool(pooled, positions) > 0).nonzero()[:, 2:].remainder(2).sum() == 0
    with torch.no_grad():
        said = built().eval().double()(torch.full((1, 3, 160, 160), 0.7).double())[..., 56:104, 56:104]
    assert torch.allclose(said[..., 8:, :], said[..., :-8, :], atol=1e-12)
    assert torch.allclose(said[..., 8:], said[..., :-8], atol=1e-12)


def test_half_of_the_numbers_between_the_halves_are_dropped_in_training_and_none_at_prediction():
    network, kept = built(width=16), []
    network.dropout.register_forward_hook(lambda _, given, out: kept.append((given[0], out)))
    image = numbers(1, 3, 64, 64)
    said = [network.train()(image) for _ in range(2)]
    assert not torch.equal(*said)
    for before, after in kept:
        there = before > 0
        share = ((after == 0) & there).sum() / there.sum()
        assert 0.4 < share < 0.6
        assert torch.equal(after[after > 0], 2 * before[after > 0])
    kept.clear()
    with torch.no_grad():
        assert torch.equal(network.eval()(image), network(image))
    assert all(torch.equal(before, after) for before, after in kept)


def test_without_dropout_training_and_prediction_agree():
    network, image = built(dropout=0.0), numbers(1, 3, 16, 24)
    assert torch.equal(network.train()(image), network.eval()(image))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [({"width": 0}, "width must be at least 1"), ({"width": 2000}, "not 2000"), ({"dropout": 1.0}, r"in \[0, 1\)")],
)
def test_settings_that_make_no_network_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        built(**({"width": 4} | settings))
