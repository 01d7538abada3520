"""Published weights in a network of ours: every tensor has a place and a shape, or the file is refused."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

COLOURS = 3  # red, green, blue: what published first convolutions read
COUNTER = "num_batches_tracked"  # of batch norms; older published files have none, and nothing depends on it


@torch.no_grad()
def load_published(part: nn.Module, state: Mapping[str, Tensor], *, first: str, dropped: Sequence[str] = ()) -> None:
    """Load a published state dict into a part of a network, in place.

    Args:
        part: the encoder; the names of its tensors are those of the state, once the caller has mapped them.
        state: name to tensor.
        first: name of the kernel that reads the image; `first_kernel` fits it to the part's channels.
        dropped: beginnings of names that the part has no use for, such as ``("fc.",)``.

    Raises:
        ValueError: a tensor is missing, is one too many, or has another shape; the part is as it was.
    """
    own = part.state_dict()
    given = {name: value for name, value in state.items() if not name.startswith(tuple(dropped))}
    given |= {name: own[name] for name in own if name.endswith(COUNTER) and name not in given}
    if missing := [name for name in own if name not in given]:
        raise ValueError(f"{_some(missing)} missing: they are the weights of another network")
    if strange := [name for name in given if name not in own]:
        raise ValueError(f"{_some(strange)} unknown: they are the weights of another network")
    fitted = dict(given)
    if given[first].ndim == own[first].ndim and given[first].shape[1] == COLOURS:
        fitted[first] = first_kernel(given[first], own[first].shape[1])
    for name, value in fitted.items():
        if value.shape != own[name].shape:
            raise ValueError(f"{name} is {_shape(given[name])}, the network has {_shape(own[name])}: the sizes differ")
    part.load_state_dict(fitted)


def first_kernel(kernel: Tensor, channels: int) -> Tensor:
    """The kernel ``(O, 3, k, k)`` that reads red, green and blue, for images of another number of channels.

    Channel i reads what colour i mod 3 read; channels that share a colour share its weights evenly, and a colour
    without a channel of its own (one or two channels) is read evenly from all of them. So an image whose channels are
    alike gives what it gave in the published network, and three channels keep their kernel.

    Returns:
        ``(O, channels, k, k)``.
    """
    shares = torch.zeros(channels, COLOURS, dtype=kernel.dtype, device=kernel.device)
    for colour in range(COLOURS):
        readers = list(range(colour, channels, COLOURS)) or list(range(channels))
        shares[readers, colour] = 1 / len(readers)
    return torch.einsum("oikl,ci->ockl", kernel, shares).contiguous()


def _some(names: Sequence[str]) -> str:
    """``conv1.weight and 3 more are``, ``conv1.weight is``."""
    return f"{names[0]} and {len(names) - 1} more are" if len(names) > 1 else f"{names[0]} is"


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a number"
