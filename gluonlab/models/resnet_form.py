"""What tells the ResNets for ImageNet apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ResNetForm:
    """Choices that make one ResNet of a depth; the defaults are v1b's.

    ``is_stride_on_3x3`` halves the image in the 3x3 convolution of a bottleneck (Gross and Wilber 2016,
    fb.resnet.torch; Goyal et al. 2017; torchvision), not in its first 1x1 (He et al. 2015).
    ``has_deep_stem`` replaces the 7x7 convolution by three of 3x3 (Szegedy et al. 2015, arXiv:1512.00567),
    ``has_pooled_shortcut`` halves the image in a projection shortcut by averaging, not by leaving pixels
    out: ResNet-C and ResNet-D of He et al. 2018 (arXiv:1812.01187), figure 2. ``groups`` of
    ``width_per_group`` channels (at 64 channels) do the 3x3 convolution: ResNeXt (Xie et al. 2016,
    arXiv:1611.05431) and, with one group of 128, the Wide ResNet of Zagoruyko and Komodakis 2016
    (arXiv:1605.07146). ``has_squeeze_excitation`` ends each branch in such a layer (Hu et al. 2017,
    arXiv:1709.01507).
    """

    depth: int
    is_stride_on_3x3: bool = True
    has_deep_stem: bool = False
    has_pooled_shortcut: bool = False
    groups: int = 1
    width_per_group: int = 64
    has_squeeze_excitation: bool = False
