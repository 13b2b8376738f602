"""Vision transformers: Dosovitskiy et al. 2020 (arXiv:2010.11929), section 3.1; DeiT, distilled or not.

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
from gluonlab.models.two_heads import TwoHeaded
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

    first_tokens: tuple[str, ...] = ("cls_token",)
    """Those that stand before the patches, in their order."""

    def __init__(self, form: TransformerForm, classes: int, options: ModelOptions) -> None:
        super().__init__()
        width = form.width
        places = len(self.first_tokens) + ((options.image_size or IMAGE_SIZE) // form.patch) ** 2
        normal = mx.init.Normal(0.02)
        self.patch_embed = sequence()
        self.patch_embed.proj = patches(options.input_channels or 3, width, form.patch)
        for name in self.first_tokens:
            setattr(self, name, self.params.get(name, shape=(1, 1, width), init=normal, wd_mult=0.0))
        self.pos_embed = self.params.get("pos_embed", shape=(1, places, width), init=normal, wd_mult=0.0)
        self.blocks = sequence(*(Block(width) for _ in range(form.depth)))
        self.norm = layer_norm(width)
        self.dropout = nn.Dropout(options.dropout_or(0.0))
        self.head = classifier(width, classes, deviation=0.02)

    def hybrid_forward(self, F: Any, x: Any, pos_embed: Any, **first_tokens: Any) -> Any:
        """Images to logits; equations 1 to 4."""
        x = self.encoded(F, x, pos_embed, first_tokens)
        return self.head(self.dropout(_token(F, x, 0)))

    def encoded(self, F: Any, x: Any, pos_embed: Any, first_tokens: dict[str, Any]) -> Any:
        """Images to tokens (N, T, width) behind the last block; equations 1 to 3."""
        # (N, width, H / patch, W / patch) to (N, patches, width)
        patches = F.transpose(F.reshape(self.patch_embed(x), shape=(0, 0, -1)), axes=(0, 2, 1))
        first = (first_tokens[name] for name in self.first_tokens)
        tokens = [F.broadcast_like(one, patches, lhs_axes=(0,), rhs_axes=(0,)) for one in first]
        return self.norm(self.blocks(F.broadcast_add(F.concat(*tokens, patches, dim=1), pos_embed)))


class DistilledVisionTransformer(VisionTransformer, TwoHeaded):
    """With a second token, whose classifier learns from a teacher: Touvron et al. 2020, section 4.

    Logits are the mean of those of both classifiers.
    """

    first_tokens = ("cls_token", "dist_token")

    def __init__(self, form: TransformerForm, classes: int, options: ModelOptions) -> None:
        super().__init__(form, classes, options)
        self.head_dist = classifier(form.width, classes, deviation=0.02)

    def hybrid_forward(self, F: Any, x: Any, pos_embed: Any, **first_tokens: Any) -> Any:
        """Images to logits."""
        x = self.encoded(F, x, pos_embed, first_tokens)
        heads = self.head(self.dropout(_token(F, x, 0))), self.head_dist(self.dropout(_token(F, x, 1)))
        return self.outputs_of(F, *heads)


def _token(F: Any, x: Any, place: int) -> Any:
    return F.reshape(F.slice_axis(x, axis=1, begin=place, end=place + 1), shape=(0, -1))
