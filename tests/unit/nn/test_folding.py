import pytest
import torch
from torch import nn

from hemoseg.nn.deform_conv import DeformConv2d
from hemoseg.nn.folding import fold_batch_norms


def network(convolution, *, affine=True):
    """A convolution and a batch norm that has seen images far from the normal distribution."""
    torch.manual_seed(0)
    both = nn.Sequential(convolution, nn.BatchNorm2d(4, affine=affine), nn.ReLU()).double()
    if affine:
        nn.init.uniform_(both[1].weight, 0.5, 2)
        nn.init.normal_(both[1].bias)
    if isinstance(convolution, DeformConv2d):
        nn.init.normal_(convolution.offset.weight, std=0.2)
    for _ in range(5):
        both(5 * torch.rand(3, 4, 9, 8, dtype=torch.float64) + 2)
    return both.eval()


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize(
    "convolution",
    [
        lambda: nn.Conv2d(4, 4, 3, padding=1, bias=False),
        lambda: nn.Conv2d(4, 4, 3, padding=1),
        lambda: nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1, bias=False),
        lambda: DeformConv2d(4, 4, backend="kornia"),
        lambda: DeformConv2d(4, 4, bias=True),
    ],
)
def test_the_numbers_stay_and_the_norm_goes(convolution, affine):
    both = network(convolution(), affine=affine)
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    wanted = both(x)
    folded = fold_batch_norms(both)
    assert torch.allclose(folded(x), wanted, rtol=1e-10, atol=1e-12)
    assert wanted.abs().max() > 0.1
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())


def test_a_norm_with_no_convolution_before_it_stays():
    plain = nn.Sequential(nn.ReLU(), nn.BatchNorm2d(4), nn.Conv2d(4, 4, 1)).eval()
    assert isinstance(fold_batch_norms(plain)[1], nn.BatchNorm2d)


def test_a_network_in_training_is_refused():
    with pytest.raises(ValueError, match="evaluation mode"):
        fold_batch_norms(nn.Sequential(nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)))
