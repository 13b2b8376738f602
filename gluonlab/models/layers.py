"""The layers that networks are made of, with their initialisation.

Every layer is told the channels of its input, so its parameters exist before any forward pass: a
forward pass before Horovod's broadcast would leave weights in a layout that cannot be broadcast.
"""

from __future__ import annotations

from typing import Any, Optional

from gluonlab.models.options import ModelOptions
from gluonlab.runtime.mxnet import gluon, mx

nn = gluon.nn


def conv(
    in_channels: int,
    channels: int,
    kernel: int,
    stride: int = 1,
    *,
    groups: int = 1,
    padding: Optional[int] = None,
    has_bias: bool = False,
    is_zero: bool = False,
) -> gluon.HybridBlock:
    """Convolution of (N, C, H, W) images; without ``padding`` they keep their size (at stride 1).

    Weights are normal with variance 2 / (kernel² * channels): He et al. 2015 (arXiv:1502.01852),
    equation 14. ``is_zero`` starts them at zero. A bias starts at zero.
    """
    he_normal = mx.init.Xavier(rnd_type="gaussian", factor_type="out", magnitude=2)
    return nn.Conv2D(
        channels,
        kernel,
        strides=stride,
        padding=kernel // 2 if padding is None else padding,
        groups=groups,
        use_bias=has_bias,
        in_channels=in_channels,
        weight_initializer="zeros" if is_zero else he_normal,
    )


BATCH_NORMS = (nn.BatchNorm, nn.BatchNormReLU)
"""Gluon's layers with running statistics; neither is a kind of the other."""


def batch_norm(channels: int, options: ModelOptions, *, is_zero: bool = False) -> gluon.HybridBlock:
    """Batch normalisation over axis 1, with gamma 1 (0 if ``is_zero``) and beta 0.

    Where the options leave them open, momentum is 0.9 and epsilon 1e-5.
    """
    return nn.BatchNorm(
        momentum=0.9 if options.bn_momentum is None else options.bn_momentum,
        epsilon=1e-5 if options.bn_epsilon is None else options.bn_epsilon,
        in_channels=channels,
        gamma_initializer="zeros" if is_zero else "ones",
    )


def normalised_conv(
    in_channels: int,
    channels: int,
    kernel: int,
    stride: int,
    activation: Optional[gluon.HybridBlock],
    options: ModelOptions,
    *,
    groups: int = 1,
    is_zero: bool = False,
) -> gluon.HybridBlock:
    """Convolution, batch normalisation (gamma 0 if ``is_zero``) and ``activation``, if there is one."""
    convolution = conv(in_channels, channels, kernel, stride, groups=groups)
    activations = [] if activation is None else [activation]
    return sequence(convolution, batch_norm(channels, options, is_zero=is_zero), *activations)


def layer_norm(channels: int) -> gluon.HybridBlock:
    """Normalisation over the last axis (Ba et al. 2016, arXiv:1607.06450), with epsilon 1e-6."""
    return nn.LayerNorm(epsilon=1e-6, in_channels=channels)


def dense(in_units: int, units: int) -> gluon.HybridBlock:
    """Fully connected layer over the last axis of (N, ..., in_units).

    Weights are normal with standard deviation 0.02, as those of all transformers of images; biases zero.
    """
    return nn.Dense(units, flatten=False, in_units=in_units, weight_initializer=mx.init.Normal(0.02))


def patches(in_channels: int, channels: int, size: int) -> gluon.HybridBlock:
    """Convolution from each patch of ``size`` x ``size`` pixels to one, with bias.

    Weights are normal with variance 1 / inputs.
    """
    lecun_normal = mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=1)
    return nn.Conv2D(channels, size, size, in_channels=in_channels, weight_initializer=lecun_normal)


def pooling(options: ModelOptions) -> gluon.HybridBlock:
    """Mean over the image, (N, C, H, W) to (N, C, 1, 1), and dropout where ``options`` ask for it."""
    pool = nn.GlobalAvgPool2D()
    return sequence(pool, nn.Dropout(options.dropout)) if options.dropout else pool


def classifier(channels: int, classes: int, deviation: float = 0.01) -> gluon.HybridBlock:
    """Fully connected layer from (N, channels, 1, 1), or (N, channels), to logits (N, classes).

    Weights are normal with a standard ``deviation`` of 0.01 (Goyal et al. 2017, section 5.1), biases zero.
    """
    return nn.Dense(classes, in_units=channels, weight_initializer=mx.init.Normal(deviation))


class SqueezeExcitation(gluon.HybridBlock):
    """Scales each channel by a gate that is made of the means of all: Hu et al. 2017, figure 2.

    The gate comes from two fully connected layers (as 1x1 convolutions) with ``squeezed`` channels and a
    ReLU, or ``activation``, between them, and a sigmoid, or ``gate``. (arXiv:1709.01507)
    """

    def __init__(
        self,
        channels: int,
        squeezed: int,
        gate: Optional[gluon.HybridBlock] = None,
        activation: Optional[gluon.HybridBlock] = None,
    ) -> None:
        super().__init__()
        self.pool = nn.GlobalAvgPool2D()
        self.fc1 = conv(channels, squeezed, 1, has_bias=True)
        self.relu = activation or nn.Activation("relu")
        self.fc2 = conv(squeezed, channels, 1, has_bias=True)
        self.gate = gate or nn.Activation("sigmoid")

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, channels, H, W) to images of the same shape."""
        squeezed = self.relu(self.fc1(self.pool(x)))
        return F.broadcast_mul(x, self.gate(self.fc2(squeezed)))


class SiLU(gluon.HybridBlock):
    """x * sigmoid(x), also called swish: Ramachandran et al. 2017 (arXiv:1710.05941)."""

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Any shape to the same."""
        return x * F.sigmoid(x)


class AdaptiveAvgPool(gluon.HybridBlock):
    """Averages over a grid of ``size`` x ``size`` cells, whatever the size of the image.

    At the input size that a network is meant for, its cells are single pixels and nothing changes.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Images (N, C, H, W) to (N, C, size, size)."""
        return F.contrib.AdaptiveAvgPooling2D(x, output_size=(self._size, self._size))


class SelfAttention(gluon.HybridBlock):
    """Attention of each token to all, by several heads: Vaswani et al. 2017 (arXiv:1706.03762)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self._width, self._heads = width, heads
        self.qkv = dense(width, 3 * width)
        self.proj = dense(width, width)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Tokens (N, T, width) to tokens of the same shape."""
        query, key, value = self._by_head(F, self.qkv(x))
        scale = (self._width // self._heads) ** -0.5
        weights = F.softmax(F.batch_dot(query * scale, key, transpose_b=True))  # (N heads, T, T)
        attended = F.reshape(F.batch_dot(weights, value), shape=(-4, -1, self._heads, 0, 0))
        return self.proj(F.reshape(F.transpose(attended, axes=(0, 2, 1, 3)), shape=(0, 0, -3)))

    def _by_head(self, F: Any, qkv: Any) -> list[Any]:
        """Queries, keys and values (N heads, T, width / heads) from (N, T, 3 width)."""
        parts = []
        for begin in range(0, 3 * self._width, self._width):
            part = F.slice_axis(qkv, axis=2, begin=begin, end=begin + self._width)
            heads = F.transpose(F.reshape(part, shape=(0, 0, -4, self._heads, -1)), axes=(0, 2, 1, 3))
            parts.append(F.reshape(heads, shape=(-3, 0, 0)))
        return parts


class LayerScale(gluon.HybridBlock):
    """Scales each channel of the last axis by a number of its own that starts small.

    Touvron et al. 2021 (arXiv:2103.17239), section 2.
    """

    def __init__(self, channels: int, start: float) -> None:
        super().__init__()
        self.factor = self.params.get("factor", shape=(channels,), init=mx.init.Constant(start))

    def hybrid_forward(self, F: Any, x: Any, factor: Any) -> Any:
        """Images (N, H, W, C) to images of the same shape."""
        return F.broadcast_mul(x, F.reshape(factor, shape=(1, 1, 1, -1)))


class ResponseNorm(gluon.HybridBlock):
    """Global response normalisation: Woo et al. 2023 (arXiv:2301.00808), algorithm 1.

    Scales each channel by its norm over the image, in units of the mean of all channels' norms.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gamma = self.params.get("gamma", shape=(channels,), init=mx.init.Zero())
        self.beta = self.params.get("beta", shape=(channels,), init=mx.init.Zero())

    def hybrid_forward(self, F: Any, x: Any, gamma: Any, beta: Any) -> Any:
        """Images (N, H, W, C) to images of the same shape."""
        norms = F.norm(x, axis=(1, 2), keepdims=True)  # (N, 1, 1, C)
        response = F.broadcast_div(norms, F.mean(norms, axis=3, keepdims=True) + 1e-6)
        gamma, beta = (F.reshape(factor, shape=(1, 1, 1, -1)) for factor in (gamma, beta))
        scaled = F.broadcast_mul(F.broadcast_mul(x, response), gamma)
        return x + F.broadcast_add(scaled, beta)


def sequence(*layers: Any) -> gluon.HybridBlock:
    """The ``layers`` one after the other; without any, the identity."""
    chain = nn.HybridSequential()
    chain.add(*layers)
    return chain
