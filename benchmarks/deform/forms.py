"""The forms of the deformable layer that are compared, and the guard that times none that computes something else."""

from collections.abc import Callable
from functools import partial

import torch
from kornia.geometry.transform import remap
from torch import Tensor, nn
from torch.nn import functional as F

from hemoseg.nn.deform_conv import DeformConv2d, active_backend
from hemoseg.nn.unet import UNet, plain_convolution

KORNIA_FORMS = ("kornia", "kornia3")
FAST = {"cpu": "native", "cuda": "triton"}
CLASSES = 2
# Largest difference from the kornia form, of the largest number: in float32 kornia's own positions are off by 3e-5
# pixels at 512 columns, and where that crosses a whole pixel a gradient is another one; so gradients in float64 only.
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-3}


# Convolutions on CUDA devices may round float32 to TF32 when timed; compared is what the forms say, in full float32.
full_float32 = partial(torch.backends.cudnn.flags, enabled=True, allow_tf32=False)


class WrongForm(Exception):
    """A form whose numbers are not the kornia form's."""


class KorniaStride3(DeformConv2d):
    """COMPARISON ONLY: the other way to say it with kornia, a map of 3H x 3W and a convolution of stride 3."""

    def forward(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        offset = self.offsets(x)
        with torch.autocast(x.device.type, enabled=False):
            exact = offset.dtype
            steps = torch.arange(-1, 2, device=x.device, dtype=exact)
            rows, columns = (torch.arange(n, device=x.device, dtype=exact) for n in (height, width))
            # (B, row, ky, column, kx): a pixel's taps lie together.
            taps = offset.view(batch, 3, 3, 2, height, width).permute(3, 0, 4, 1, 5, 2)
            map_y = (taps[0] + rows.view(-1, 1, 1, 1) + steps.view(-1, 1, 1)).reshape(batch, 3 * height, 3 * width)
            map_x = (taps[1] + columns.view(-1, 1) + steps).reshape(batch, 3 * height, 3 * width)
            padded = F.pad(x.to(exact), (0, 1, 0, 1)).contiguous()  # as our kornia form does
            sampled = remap(padded, map_x, map_y, mode="bilinear", padding_mode="zeros", align_corners=True)
            # Channels first: faster here than the channels last of all the rest.
            y = F.conv2d(sampled, self.weight.contiguous(), self.bias, stride=3)
        return y.to(x.dtype)


class Torchvision(DeformConv2d):
    """COMPARISON ONLY: torchvision's operator, where it is installed."""

    def forward(self, x: Tensor) -> Tensor:
        from torchvision.ops import deform_conv2d

        return deform_conv2d(x, self.offsets(x), self.weight, self.bias, padding=1)


def _of_backend(backend: str) -> Callable[[int, int], nn.Module]:
    return lambda channels, outputs: DeformConv2d(channels, outputs, backend=backend)


FORMS: dict[str, Callable[[int, int], nn.Module]] = {
    "plain": plain_convolution,
    "native": _of_backend("native"),
    "triton": _of_backend("triton"),
    "kornia": _of_backend("kornia"),
    "kornia3": KorniaStride3,
    "torchvision": Torchvision,
}


def available(device: str) -> list[str]:
    """Names of the forms that run on a device."""
    fast = FAST[device]
    names = ["plain", *([fast] if active_backend(fast, device) == fast else []), *KORNIA_FORMS]
    if device == "cuda":
        try:
            import torchvision.ops  # noqa: F401
        except Exception:  # a wheel built for another torch fails in its own ways
            return names
        names.append("torchvision")
    return names


def build_layer(form: str, channels: int, outputs: int, *, seed: int = 0) -> nn.Module:
    """A layer, channels last, whose offsets spread over (-2, 2) pixels for an input of unit variance."""
    torch.manual_seed(seed)
    layer = FORMS[form](channels, outputs)
    _spread_offsets(layer)
    return layer.to(memory_format=torch.channels_last)


def build_unet(form: str, width: int, *, seed: int = 0) -> nn.Module:
    """The papers' U-Net of three levels, channels last, with such offsets in all of its layers."""
    torch.manual_seed(seed)
    network = UNet(3, CLASSES, convolution=FORMS[form], width=width)
    _spread_offsets(network)
    return network.to(memory_format=torch.channels_last)


def _spread_offsets(module: nn.Module) -> None:
    generator = torch.Generator().manual_seed(1)
    for part in module.modules():
        if isinstance(part, DeformConv2d):
            weight = part.offset.weight
            nn.init.normal_(weight, std=weight[0].numel() ** -0.5, generator=generator)


def check_layer(form: str, channels: int, outputs: int, size: tuple[int, int], device: str) -> None:
    """Hold a form against kornia's: outputs and gradients in float64 on a small image, outputs in float32 at `size`.

    Raises:
        WrongForm: they differ.
    """
    reference = build_layer("kornia", channels, outputs).to(device)
    other = build_layer(form, channels, outputs).to(device)
    other.load_state_dict(reference.state_dict())
    name = f"{form} {channels}->{outputs}"
    with torch.inference_mode(), full_float32():
        x = torch.rand(1, channels, *size, generator=torch.Generator().manual_seed(2)).to(device)
        _compare(name, other(x), reference(x))
    for module in (reference, other):
        module.double()
    x = torch.randn(2, channels, 9, 11, generator=torch.Generator().manual_seed(3), dtype=torch.float64).to(device)
    for ours, theirs in zip(_with_gradients(other, x), _with_gradients(reference, x), strict=True):
        _compare(name, ours, theirs)


def check_unet(form: str, width: int, device: str) -> None:
    """Hold a whole network's predictions against those of the kornia form.

    Raises:
        WrongForm: they differ.
    """
    networks = [build_unet(name, width).to(device).double().eval() for name in (form, "kornia")]
    networks[0].load_state_dict(networks[1].state_dict())
    x = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(2), dtype=torch.float64).to(device)
    with torch.inference_mode():
        _compare(f"{form} U-Net of width {width}", *(network(x) for network in networks))


def _with_gradients(layer: nn.Module, x: Tensor) -> list[Tensor]:
    x = x.contiguous(memory_format=torch.channels_last).requires_grad_()
    y = layer(x)
    towards = torch.randn(y.shape, generator=torch.Generator().manual_seed(4), dtype=y.dtype).to(y.device)
    return [y.detach(), *torch.autograd.grad(y, [x, *layer.parameters()], towards)]


def _compare(name: str, ours: Tensor, theirs: Tensor) -> None:
    error = float((ours - theirs).abs().max() / theirs.abs().max())
    if not error <= TOLERANCE[theirs.dtype]:  # a NaN too
        raise WrongForm(f"{name} differs from the kornia form by {error:.1e} in {theirs.dtype}; it is not timed")
