"""Vision transformer: Dosovitskiy et al. 2020 (arXiv:2010.11929), section 3.1, and DeiT's of the same form.

Parameters have timm's names, but that MXNet calls a norm's ``weight`` and ``bias`` ``gamma`` and ``beta``.
Fully connected layers, class token and position embedding start normal with standard deviation 0.02, as in
DeiT (Touvron et al. 2020, arXiv:2012.12877) and timm. Token and embedding are exempt from weight decay there
and here.
"""

from __future__ import annotations

from typing import Any

from gluonlab.models.layers import SelfAttention, classifier, dense, layer_norm, patches, sequence
from gluonlab.models.options import ModelOptions
from gluonlab.models.stochastic_depth import BranchDrop
from gluonlab.models.transformer_form import TransformerForm
from gluonlab.runtime.mxnet import gluon, mx

nn = gluon.nn

MLP_EXPANSION = 4
HEAD_WIDTH = 64
IMAGE_SIZE = 224


class Mlp(gluon.nn.HybridSequential):
    """Two fully connected layers with GELU (Hendrycks and Gimpel 2016, arXiv:1606.08415) between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = dense(width, MLP_EXPANSION * width)
        self.act = nn.GELU()
        self.fc2 = dense(MLP_EXPANSION * width, width)


class Block(gluon.HybridBlock):
    """Attention and two fully connected layers, each behind a norm, beside a shortcut: equations 2 and 3."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = layer_norm(width)
        self.attn = SelfAttention(width, width // HEAD_WIDTH)
        self.drop1 = BranchDrop(3, keeps_first=True)
        self.norm2 = layer_norm(width)
        self.mlp = Mlp(width)
        self.drop2 = BranchDrop(3, keeps_first=True)

    def hybrid_forward(self, F: Any, x: Any) -> Any:
        """Tokens (N, T, width) to tokens of the same shape."""
        x = x + self.drop1(self.attn(self.norm1(x)))
        return x + self.drop2(self.mlp(self.norm2(x)))


class VisionTransformer(gluon.HybridBlock):
    """Patches as tokens, a token for the class before them, blocks, and a classifier of the class token.

    Images (N, input_channels, H, W) become logits (N, classes); H and W are ``options.image_size``, 224 by
    default, for each patch has an embedding of its place.
    """

    def __init__(self, form: TransformerForm, classes: int, options: ModelOptions) -> None:
        super().__init__()
        width = form.width
        tokens = 1 + ((options.image_size or IMAGE_SIZE) // form.patch) ** 2
        normal = mx.init.Normal(0.02)
        self.patch_embed = sequence()
        self.patch_embed.proj = patches(options.input_channels or 3, width, form.patch)
        self.cls_token = self.params.get("cls_token", shape=(1, 1, width), init=normal, wd_mult=0.0)
        self.pos_embed = self.params.get("pos_embed", shape=(1, tokens, width), init=normal, wd_mult=0.0)
        self.blocks = sequence(*(Block(width) for _ in range(form.depth)))
        self.norm = layer_norm(width)
        self.dropout = nn.Dropout(options.dropout_or(0.0))
        self.head = classifier(width, classes, deviation=0.02)

    def hybrid_forward(self, F: Any, x: Any, cls_token: Any, pos_embed: Any) -> Any:
        """Images to logits; equations 1 to 4."""
        # (N, width, H / patch, W / patch) to (N, T - 1, width)
        patches = F.transpose(F.reshape(self.patch_embed(x), shape=(0, 0, -1)), axes=(0, 2, 1))
        token = F.broadcast_like(cls_token, patches, lhs_axes=(0,), rhs_axes=(0,))
        x = F.broadcast_add(F.concat(token, patches, dim=1), pos_embed)
        x = self.norm(self.blocks(x))
        first = F.reshape(F.slice_axis(x, axis=1, begin=0, end=1), shape=(0, -1))
        return self.head(self.dropout(first))
