"""How torchvision, timm, GluonCV and Gluon's own zoo name the tensors of our models.

A model that is not here has no counterpart there with the same computation: torchvision's ResNet-50 halves
the image in its 3x3 convolutions, for example, so it is ``resnet50_v1b`` and not ``resnet50_v1``.
"""

from __future__ import annotations

from gluonlab.weights.naming import OWN_SOURCE, Naming, Rule

OWN = Naming(OWN_SOURCE, ("*",), ())

_STAGES: tuple[Rule, ...] = (
    ("stage#.#.shortcut.*", "layer#.#.downsample.*"),
    ("stage#.#.*", "layer#.#.*"),
    ("output.*", "fc.*"),
)
_RESNET: tuple[Rule, ...] = (("stem.0.*", "conv1.*"), ("stem.1.*", "bn1.*"), *_STAGES)
_DEEP_STEM_RESNET: tuple[Rule, ...] = (("stem.7.*", "bn1.*"), ("stem.#.*", "conv1.#.*"), *_STAGES)

_TORCHVISION_RESNETS = (
    "resnet*_v1b", "resnet18_v1", "resnet34_v1",
    "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet*",
)  # fmt: skip
_TIMM_RESNETS = ("resnext101_32x4d", "seresnet50", "seresnet101", "seresnet152", "seresnext*")
"""timm's SE-ResNet-18 and -34 have gates of at least eight channels, so they are other networks."""
_TIMM_DEEP_STEM_RESNETS = ("resnet50_v1c", "resnet101_v1c", "resnet152_v1c", "resnet*_v1d")
_SAME_NAMES = (
    "mobilenet_v2", "mobilenet_v3_*", "densenet*", "vgg*", "alexnet", "squeezenet*",
    "efficientnet_b?", "efficientnet_v2_*", "mnasnet*", "shufflenet_v2_*",
)  # fmt: skip
"""Models that were given torchvision's names when they were written here."""
_REGNET: tuple[Rule, ...] = tuple(
    (f"trunk_output.block{stage}.#.*", f"trunk_output.block{stage}.block{stage}-#.*")
    for stage in (1, 2, 3, 4)
)
_LAYER = "encoder.layers.encoder_layer_#"
_VIT: tuple[Rule, ...] = (
    ("cls_token", "class_token"),
    ("pos_embed", "encoder.pos_embedding"),
    ("patch_embed.proj.*", "conv_proj.*"),
    ("blocks.#.norm#.*", f"{_LAYER}.ln_#.*"),
    ("blocks.#.attn.qkv.*", f"{_LAYER}.self_attention.in_proj_*"),
    ("blocks.#.attn.proj.*", f"{_LAYER}.self_attention.out_proj.*"),
    ("blocks.#.mlp.fc1.*", f"{_LAYER}.mlp.0.*"),
    ("blocks.#.mlp.fc2.*", f"{_LAYER}.mlp.3.*"),
    ("norm.*", "encoder.ln.*"),
    ("head.*", "heads.head.*"),
)
_CONVNEXTS = ("convnext_tiny", "convnext_small", "convnext_base", "convnext_large")
_SMALL_CONVNEXTS = tuple(
    f"{version}_{size}"
    for version in ("convnext", "convnextv2")
    for size in ("atto", "femto", "pico", "nano")
)
_CONVNEXT: tuple[Rule, ...] = (
    ("stem.0.*", "features.0.0.*"),
    ("stem.1.norm.*", "features.0.1.*"),
    *(
        rule
        for stage, place in enumerate((1, 3, 5, 7))
        for rule in (
            (f"stages.{stage}.downsample.0.norm.*", f"features.{place - 1}.0.*"),
            (f"stages.{stage}.downsample.1.*", f"features.{place - 1}.1.*"),
            (f"stages.{stage}.blocks.#.conv_dw.*", f"features.{place}.#.block.0.*"),
            (f"stages.{stage}.blocks.#.norm.*", f"features.{place}.#.block.2.*"),
            (f"stages.{stage}.blocks.#.mlp.fc1.*", f"features.{place}.#.block.3.*"),
            (f"stages.{stage}.blocks.#.mlp.fc2.*", f"features.{place}.#.block.5.*"),
            (f"stages.{stage}.blocks.#.scale.factor", f"features.{place}.#.layer_scale"),
        )
    ),
    ("head.norm.*", "classifier.0.*"),
    ("head.fc.*", "classifier.2.*"),
)
_TIMM_CONVNEXT: tuple[Rule, ...] = (
    ("stem.1.norm.*", "stem.1.*"),
    ("stages.#.downsample.0.norm.*", "stages.#.downsample.0.*"),
    ("stages.#.blocks.#.scale.factor", "stages.#.blocks.#.gamma"),
)
_CONVOLUTIONAL_MLP = ("stages.#.blocks.#.mlp.fc#.weight",)
"""What timm's small ConvNeXts have as 1x1 convolutions."""
_LITE: tuple[Rule, ...] = (
    ("features.0.0.*", "conv_stem.*"),
    ("features.0.1.*", "bn1.*"),
    ("features.1.#.block.0.0.*", "blocks.0.#.conv_dw.*"),
    ("features.1.#.block.0.1.*", "blocks.0.#.bn1.*"),
    ("features.1.#.block.1.0.*", "blocks.0.#.conv_pw.*"),
    ("features.1.#.block.1.1.*", "blocks.0.#.bn2.*"),
    *(
        (f"features.{stage + 1}.#.block.{part}.{place}.*", f"blocks.{stage}.#.{layer}.*")
        for stage in range(1, 7)
        for part, layers in enumerate((("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")))
        for place, layer in enumerate(layers)
    ),
    ("features.8.0.*", "conv_head.*"),
    ("features.8.1.*", "bn2.*"),
    ("classifier.1.*", "classifier.*"),
)
"""timm's names of EfficientNet-lite, which torchvision does not have."""
_MOBILENET_V4: tuple[Rule, ...] = (
    ("blocks.#.#.branch.*", "blocks.#.#.*"),
    *((f"blocks.{stage}.#.bn.*", f"blocks.{stage}.#.bn1.*") for stage in (0, 1, 4)),
)
_GHOSTNET: tuple[Rule, ...] = (
    ("blocks.#.#.se.fc1.*", "blocks.#.#.se.conv_reduce.*"),
    ("blocks.#.#.se.fc2.*", "blocks.#.#.se.conv_expand.*"),
)
_OLD_DENSENET: tuple[Rule, ...] = (
    ("features.denseblock#.denselayer#.norm#.*", "features.denseblock#.denselayer#.norm.#.*"),
    ("features.denseblock#.denselayer#.conv#.*", "features.denseblock#.denselayer#.conv.#.*"),
)
"""The names in torchvision's files of DenseNet, which it translates when it reads them."""
_GLUONCV_RESNETS = ("resnet*_v1b", "resnet18_v1", "resnet34_v1")


def _zoo_resnet(body: dict[str, str]) -> tuple[Rule, ...]:
    """Rules for Gluon's ``resnet*_v1``, which numbers the layers of a block's ``body``."""
    rules: list[Rule] = [("stem.#.*", "features.#.*"), ("output.*", "output.*")]
    for stage in (1, 2, 3, 4):
        theirs = f"features.{stage + 3}.#"
        rules += [(f"stage{stage}.#.{ours}.*", f"{theirs}.body.{number}.*") for ours, number in body.items()]
        rules.append((f"stage{stage}.#.shortcut.*", f"{theirs}.downsample.*"))
    return tuple(rules)


_ZOO_BASIC = _zoo_resnet({"conv1": "0", "bn1": "1", "conv2": "3", "bn2": "4"})
_ZOO_BOTTLENECK = _zoo_resnet({"conv1": "0", "bn1": "1", "conv2": "3", "bn2": "4", "conv3": "6", "bn3": "7"})
_ZOO_BIASES: tuple[Rule, ...] = tuple(
    (f"features.#.#.body.{layer}.bias", f"features.#.#.body.{layer + 1}.running_mean") for layer in (0, 6)
)

NAMINGS: tuple[Naming, ...] = (
    OWN,
    Naming("torchvision", _TORCHVISION_RESNETS, _RESNET, is_torch=True),
    Naming("torchvision", _SAME_NAMES, (), is_torch=True),
    Naming("torchvision", ("googlenet",), (), is_torch=True, unused=("aux#.*",)),
    Naming("torchvision", ("inception_v3",), (), is_torch=True, unused=("AuxLogits.*",)),
    Naming("torchvision", ("regnet_*",), _REGNET, is_torch=True),
    Naming("torchvision", ("densenet*",), _OLD_DENSENET, is_torch=True),
    Naming("torchvision", ("vit_?_*",), _VIT, is_torch=True),
    Naming("timm", ("vit_*", "deit_*"), (), is_torch=True),
    Naming(
        "torchvision", _CONVNEXTS, _CONVNEXT, is_torch=True, as_images=("stages.#.blocks.#.scale.factor",)
    ),
    Naming("timm", (*_CONVNEXTS, "convnextv2_tiny", "convnextv2_base"), _TIMM_CONVNEXT, is_torch=True),
    Naming("timm", _SMALL_CONVNEXTS, _TIMM_CONVNEXT, is_torch=True, as_images=_CONVOLUTIONAL_MLP),
    Naming("timm", ("efficientnet_lite?",), _LITE, is_torch=True),
    Naming("timm", ("mobilenetv4_conv_*",), _MOBILENET_V4, is_torch=True),
    Naming("timm", ("ghostnet_*",), _GHOSTNET, is_torch=True),
    Naming("timm", _TIMM_RESNETS, _RESNET, is_torch=True),
    Naming("timm", _TIMM_DEEP_STEM_RESNETS, _DEEP_STEM_RESNET, is_torch=True),
    Naming("gluoncv", _GLUONCV_RESNETS, _RESNET),
    Naming("gluoncv", ("resnet*_v1c", "resnet*_v1d"), _DEEP_STEM_RESNET),
    Naming("gluon", ("resnet18_v1", "resnet34_v1", "resnet18_v1b", "resnet34_v1b"), _ZOO_BASIC),
    Naming("gluon", ("resnet50_v1", "resnet101_v1", "resnet152_v1"), _ZOO_BOTTLENECK, folded=_ZOO_BIASES),
)
