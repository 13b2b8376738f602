"""Vision transformers, as torchvision (``vit_b_16`` and the like) and timm have them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gluonlab.models.entry import (
    IMAGENET,
    IMAGENET_MEAN,
    IMAGENET_STD,
    ModelEntry,
    Preprocessing,
    imagenet_model,
)
from gluonlab.models.options import ModelOptions
from gluonlab.models.transformer_form import TransformerForm

if TYPE_CHECKING:
    from gluonlab.runtime.mxnet import gluon

DOSOVITSKIY = ("Dosovitskiy et al. arXiv:2010.11929", 2020)
STEINER = ("Steiner et al. arXiv:2106.10270", 2021)
TOUVRON = ("Touvron et al. arXiv:2012.12877", 2020)

HALVES = Preprocessing((127.5,) * 3, (127.5,) * 3, resize=248, crop=224, interpolation="bicubic")
"""Of the weights that timm has from Google."""
DEIT = Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=248, crop=224, interpolation="bicubic")
L_16 = Preprocessing(IMAGENET_MEAN, IMAGENET_STD, resize=242, crop=224)


def _build(form: TransformerForm, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.vision_transformer import VisionTransformer

    return VisionTransformer(form, classes, options)


def _build_distilled(form: TransformerForm, classes: int, options: ModelOptions) -> gluon.HybridBlock:
    from gluonlab.models.vision_transformer import DistilledVisionTransformer

    return DistilledVisionTransformer(form, classes, options)


def _distilled(size: str, form: TransformerForm, parameters: int, multiply_adds: int) -> ModelEntry:
    build, name = partial(_build_distilled, form), f"deit_{size}_distilled_patch16_224"
    return imagenet_model(name, build, *TOUVRON, parameters, multiply_adds, DEIT)


def _vit(
    name: str,
    source: tuple[str, int],
    form: TransformerForm,
    parameters: int,
    multiply_adds: int,
    preprocessing: Preprocessing,
) -> ModelEntry:
    build = partial(_build, form)
    return imagenet_model(name, build, *source, parameters, multiply_adds, preprocessing)


ENTRIES = (
    _vit("vit_b_16", DOSOVITSKIY, TransformerForm(16, 768, 12), 86_567_656, 17_563_828_224, IMAGENET),
    _vit("vit_b_32", DOSOVITSKIY, TransformerForm(32, 768, 12), 88_224_232, 4_409_186_304, IMAGENET),
    _vit("vit_l_16", DOSOVITSKIY, TransformerForm(16, 1024, 24), 304_326_632, 61_554_712_576, L_16),
    _vit("vit_l_32", DOSOVITSKIY, TransformerForm(32, 1024, 24), 306_535_400, 15_377_539_072, IMAGENET),
    _vit("vit_tiny_patch16_224", STEINER, TransformerForm(16, 192, 12), 5_717_416, 1_253_683_200, HALVES),
    _vit("vit_small_patch16_224", STEINER, TransformerForm(16, 384, 12), 22_050_664, 4_598_882_304, HALVES),
    _vit("vit_small_patch32_224", STEINER, TransformerForm(32, 384, 12), 22_878_952, 1_142_909_952, HALVES),
    _vit("deit_tiny_patch16_224", TOUVRON, TransformerForm(16, 192, 12), 5_717_416, 1_253_683_200, DEIT),
    _vit("deit_small_patch16_224", TOUVRON, TransformerForm(16, 384, 12), 22_050_664, 4_598_882_304, DEIT),
    _vit("deit_base_patch16_224", TOUVRON, TransformerForm(16, 768, 12), 86_567_656, 17_563_828_224, DEIT),
    _distilled("tiny", TransformerForm(16, 192, 12), 5_910_800, 1_261_003_776),
    _distilled("small", TransformerForm(16, 384, 12), 22_436_432, 4_624_140_288),
    _distilled("base", TransformerForm(16, 768, 12), 87_338_192, 17_656_811_520),
)
