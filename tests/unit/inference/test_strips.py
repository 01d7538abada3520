"""An image in strips says what the whole image says."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hemoseg.inference.strips import probability_strips
from hemoseg.inference.windows import predict_windows

overlaps = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.75])
sides = st.integers(1, 40)


def field(size, seed):
    return np.random.default_rng(seed).integers(0, 256, (2, *size), np.uint8)


def looked_at(images):
    """Differs by pixel and by place in the window, as a network's answer does near a border."""
    ramp = torch.arange(images.shape[-1]) + 3.0 * torch.arange(images.shape[-2])[:, None]
    logits = torch.stack([images[:, 0], images[:, 1] * 0.5 + ramp, images.sum(1) / 3], dim=1)
    # In float64: the last bit of a float32 softmax depends on how many windows and threads share the work.
    return (logits.double() / 50).softmax(1).float()


@settings(max_examples=50, deadline=None)
@given(size=st.tuples(sides, sides), window=st.tuples(st.integers(1, 17), st.integers(1, 17)), overlap=overlaps,
       seed=st.integers(0, 9))  # fmt: skip
def test_strips_are_the_whole_image(size, window, overlap, seed):
    image = field(size, seed)
    asked = []

    def rows(first, last):
        asked.append((first, last))
        return image[:, first:last]

    strips = list(probability_strips(looked_at, rows, size, window=window, overlap=overlap, batch_size=2))
    window = tuple(map(min, window, size))  # one that is larger sees a reflection in `predict_windows`
    whole = predict_windows(looked_at, torch.from_numpy(image).float(), window=window, overlap=overlap)
    assert torch.equal(torch.cat([strip for _, strip in strips], dim=1), whole)
    assert [first for first, _ in strips] == list(np.cumsum([0, *(strip.shape[1] for _, strip in strips[:-1])]))
    ends = [0, *(last for _, last in asked)]
    assert all(first == end for (first, _), end in zip(asked, ends, strict=False))  # each row is read once
    assert ends[-1] == size[0]


@settings(max_examples=40, deadline=None)
@given(size=st.tuples(st.integers(1, 60), st.integers(1, 12)), overlap=overlaps, share=st.floats(0, 1))
def test_what_begins_in_the_middle_goes_on_as_if_it_had_begun_at_the_top(size, overlap, share):
    image = field(size, 1)
    told = {"window": (7, 5), "overlap": overlap}
    strips = probability_strips(looked_at, lambda a, b: image[:, a:b], size, **told)
    whole = torch.cat([strip for _, strip in strips], dim=1)
    first_row = round(share * size[0])  # of the last strip a part may be there: a disk may have lost the rest
    end = first_row
    for first, strip in probability_strips(looked_at, lambda a, b: image[:, a:b], size, first_row=first_row, **told):
        assert first == end
        end += strip.shape[1]
        assert torch.equal(strip, whole[:, first:end])
    assert end == size[0]


def test_memory_holds_one_row_of_windows():
    seen = []

    def rows(first, last):
        seen.append(last - first)
        return np.zeros((1, last - first, 8), np.uint8)

    for _, strip in probability_strips(lambda x: torch.ones(len(x), 1, *x.shape[2:]), rows, (4000, 8), window=(16, 8),
                                       overlap=0.5):  # fmt: skip
        assert strip.shape[1] <= 16
    assert max(seen) == 16
