"""The network of `touching`: its sizes as the report has them, and where its proposals come from."""

import pytest
import torch
from torch import nn

from hemoseg.nn.instance_unet import InstanceUNet

torch.set_num_threads(1)  # the tensors are tiny
NINE = 9  # anchors of a place


def small(anchors=NINE, seed=0, **given):
    torch.manual_seed(seed)
    return InstanceUNet(2, 3, **({"width": 2, "levels": 3, "anchors": anchors} | given))


def trained(anchors=NINE):
    """A network in evaluation mode whose batch norms are no identities."""
    network = small(anchors).train()
    for _ in range(2):
        network(torch.randn(2, 2, 16, 24))
    return network.double().eval()


def images(*size, seed=5):
    return torch.randn(1, 2, *size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_published_input_ends_at_28_x_28_x_512_and_comes_back():
    with torch.device("meta"):  # sizes without numbers
        network = InstanceUNet(1, 2, width=64, levels=4, anchors=NINE)
        seen = {}
        for name in ("score", "delta"):
            layer = getattr(network.proposal_head, name)
            layer.register_forward_hook(lambda _, x, y, name=name: seen.update({name: (x[0].shape, y.shape)}))
        logits, scores, deltas = network(torch.empty(3, 1, 448, 448), proposals=True)
    assert logits.shape == (3, 2, 448, 448)
    assert seen["score"] == ((3, 512, 28, 28), (3, 18, 28, 28))
    assert seen["delta"] == ((3, 512, 28, 28), (3, 36, 28, 28))
    assert scores.shape == (3, 28 * 28 * NINE, 2)
    assert deltas.shape == (3, 28 * 28 * NINE, 4)


def test_the_down_path_has_the_published_convolutions():
    network = InstanceUNet(1, 2, width=64, levels=4, anchors=0)
    steps = [[m for m in step.modules() if isinstance(m, nn.Conv2d)] for step in network.down]
    assert [[(m.in_channels, m.out_channels) for m in step] for step in steps] == [
        [(1, 64), (64, 64)],
        [(64, 64), (64, 64), (64, 128)],
        [(128, 128), (128, 128), (128, 256)],
        [(256, 256), (256, 256), (256, 512)],
    ]
    assert {m.kernel_size for step in steps for m in step} == {(3, 3)}
    assert len(network.up) == 4


def test_what_a_step_down_gives_is_pooled_by_its_maximum_and_passed_to_the_other_side():
    network, seen = trained(), {}
    for number, step in enumerate(network.down):
        step.register_forward_hook(lambda _, x, y, number=number: seen.update({number: (x[0], y)}))
    for number, step in enumerate(network.decode):
        step.register_forward_hook(lambda _, x, y, number=number: seen.update({f"up {number}": x[0]}))
    with torch.no_grad():
        network(images(16, 24))
    for number in range(3):
        skip = seen[number][1]
        if number < 2:
            corners = [skip[..., r::2, c::2] for r in (0, 1) for c in (0, 1)]
            assert torch.equal(seen[number + 1][0], torch.stack(corners).amax(0))
        assert torch.equal(seen[f"up {2 - number}"][:, : skip.shape[1]], skip)


@pytest.mark.parametrize("levels", [1, 2, 4])
def test_the_number_of_poolings_is_a_setting(levels):
    network = small(levels=levels).eval()
    x = images(2**levels, 3 * 2**levels).float()
    logits, scores, _ = network(x, proposals=True)
    assert logits.shape == (1, 3, *x.shape[2:])
    assert scores.shape == (1, 3 * NINE, 2)
    assert network.stride == 2**levels


def test_without_proposals_nothing_else_differs():
    both, plain = small(NINE), small(0)
    state = plain.state_dict()
    assert {name for name in both.state_dict() if name not in state} == {
        f"proposal_head.{layer}.{kind}" for layer in ("score", "delta") for kind in ("weight", "bias")
    }
    assert all(torch.equal(both.state_dict()[name], value) for name, value in state.items())
    x = images(16, 24).float()
    assert torch.equal(both.eval()(x), plain.eval()(x))


def test_proposals_are_told_beside_the_logits_or_alone():
    network, x = trained(), images(24, 16)
    with torch.no_grad():
        logits, scores, deltas = network(x, proposals=True)
        assert torch.equal(logits, network(x))
        for one, other in zip(network.proposed(x), (scores, deltas), strict=True):
            assert torch.equal(one, other)


@pytest.mark.parametrize("size", [(13, 25), (3, 9), (1, 1), (20, 21)])
def test_a_size_off_the_grid_is_the_filled_image_cut_back_with_answers_of_the_image_alone(size):
    network, x = trained(), images(*size)
    rows, columns = (torch.arange(-(-side // 8) * 8).clamp(max=side - 1) for side in size)
    places = [sum(8 * i + 4 < side for i in range(side)) for side in size]
    with torch.no_grad():
        logits, scores, deltas = network(x, proposals=True)
        whole, *answers = network(x[:, :, rows][..., columns], proposals=True)
    assert torch.equal(logits, whole[..., : size[0], : size[1]])
    for found, filled in zip((scores, deltas), answers, strict=True):
        numbers = found.shape[-1]
        grid = filled.view(1, len(rows) // 8, len(columns) // 8, NINE, numbers)
        assert torch.equal(found, grid[:, : places[0], : places[1]].reshape(1, -1, numbers))


def test_answers_are_told_row_by_row_and_place_by_place_as_anchors_are():
    network, seen = trained(), {}
    network.proposal_head.score.register_forward_hook(lambda _, x, y: seen.update(map=y[0]))
    with torch.no_grad():
        scores = network.proposed(images(40, 60))[0][0]
    assert seen["map"].shape == (2 * NINE, 5, 8)  # the last column is centred at 60, outside
    wanted = [
        seen["map"][2 * anchor : 2 * anchor + 2, row, column]
        for row in range(5) for column in range(7) for anchor in range(NINE)
    ]  # fmt: skip
    assert torch.equal(scores, torch.stack(wanted))


def test_a_batch_of_one_small_image_trains():
    network = small(levels=4).train()
    sum(one.square().mean() for one in network(torch.randn(1, 2, 16, 16), proposals=True)).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters())
    network(torch.randn(1, 2, 1, 1)).square().mean().backward()


def test_a_network_without_proposals_makes_none():
    for ask in (lambda network, x: network(x, proposals=True), lambda network, x: network.proposed(x)):
        with pytest.raises(ValueError, match="built without proposals"):
            ask(small(0).eval(), images(8, 8).float())


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"width": 0}, "width must be at least 1, not 0"),
        ({"levels": 0}, "levels must be at least 1, not 0"),
        ({"width": 64, "levels": 8}, r"4096 at most, not 64 \* 2\*\*7"),
    ],
)
def test_sizes_that_make_no_network_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        small(**given)
