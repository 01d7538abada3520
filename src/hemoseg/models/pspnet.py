"""PSPNet: pyramid pooling over a dilated residual encoder (Zhao et al., 2017, doi:10.1109/CVPR.2017.660)."""

from collections.abc import Mapping

from torch import Tensor, nn

from hemoseg.nn.pretrained import load_published
from hemoseg.nn.pyramid import PyramidPooling, unit
from hemoseg.nn.resnet import ResNet, resize, to_grid


class PSPNet(nn.Module):
    """Encoder, pyramid pooling, a 3x3 and a 1x1 convolution, bilinear upsampling.

    The auxiliary loss of the source's training is left out: all networks of a table share one loss.
    """

    def __init__(self, in_channels: int, classes: int, *, encoder: str, width: int, stride: int, dropout: float):
        super().__init__()
        self.encoder = ResNet(in_channels, encoder, stride=stride, width=width)
        last = self.encoder.channels[-1]
        pyramid = PyramidPooling(last)
        inner = max(1, last // 4)  # the source's: 512 of 2048
        self.decoder = nn.Sequential(
            pyramid, unit(pyramid.out_channels, inner, 3), nn.Dropout2d(dropout), nn.Conv2d(inner, classes, 1)
        )
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``(B, K, H, W)`` of images ``(B, C, H, W)`` of any size."""
        height, width = x.shape[-2:]
        x = to_grid(x, self.stride)
        return resize(self.decoder(self.encoder(x)[-1]), x)[..., :height, :width]


def build(
    in_channels: int,
    classes: int,
    *,
    encoder: str = "resnet18",
    width: int = 64,
    stride: int = 8,
    dropout: float = 0.1,
) -> nn.Module:
    """Build the network.

    Args:
        in_channels: channels of the image.
        classes: maps put out, background included.
        encoder: ``resnet18``, ``resnet34`` or ``resnet50``.
        width: channels of the encoder's first stage; published weights need 64.
        stride: pixels per step of the encoder's features: 8 (the source's), 16 or 32.
        dropout: share of the channels dropped before the last convolution; 0.1 in the source's code.
    """
    return PSPNet(in_channels, classes, encoder=encoder, width=width, stride=stride, dropout=dropout)


def load_pretrained(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    """Start the encoder from a ResNet's state dict as torchvision publishes it (ImageNet); the classifier is dropped.

    Raises:
        ValueError: it is the state of another encoder.
    """
    load_published(network.encoder, state, first="conv1.weight", dropped=("fc.",))
