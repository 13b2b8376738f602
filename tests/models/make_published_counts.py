"""Write published_counts.json: parameters and multiply-adds of torchvision's and timm's networks.

For an environment of its own, with torch, torchvision and timm:
python tests/models/make_published_counts.py [PATTERN ...]

With patterns, networks whose names here match none of them stay as the file has them.
Parameters are ``sum(p.numel())`` of their networks at 1,000 classes, multiply-adds half the operations that
PyTorch's `FlopCounterMode` counts for one image of ``size`` pixels a side (convolutions and matrix products,
those of attention too); nothing is downloaded and nothing computed (the networks are on the device "meta").
``size`` is that of the first weights in torchvision. Where
torchvision's documentation gives figures (``num_params`` and ``_ops`` of the weights), they must be the same.
``top1`` is that of torchvision's first weights, in percent, as its documentation has it.
"""

import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import timm
import torch
import torchvision
from torch.utils.flop_counter import FlopCounterMode

# gluonlab's name: the name there
TORCHVISION = {
    **{f"resnet{depth}_v1b": f"resnet{depth}" for depth in (18, 34, 50, 101, 152)},
    **{
        name: name
        for name in (
            "resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2",
            "mobilenet_v2", "mobilenet_v3_large", "mobilenet_v3_small",
            "densenet121", "densenet161", "densenet169", "densenet201",
            "vgg11", "vgg13", "vgg16", "vgg19", "vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn",
            "alexnet", "squeezenet1_0", "squeezenet1_1",
            *(f"efficientnet_{size}" for size in ("b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7")),
            "efficientnet_v2_s", "efficientnet_v2_m", "efficientnet_v2_l",
            *(
                f"regnet_{kind}_{size}"
                for kind in "xy"
                for size in ("400mf", "800mf", "1_6gf", "3_2gf", "8gf", "16gf", "32gf")
            ),
            "mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3",
            "googlenet", "inception_v3",
            "convnext_tiny", "convnext_small", "convnext_base", "convnext_large",
            "vit_b_16", "vit_b_32", "vit_l_16", "vit_l_32",
            "shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0",
        )
    },
}  # fmt: skip
AUXILIARY = {
    "googlenet": {"aux_logits": False, "init_weights": False},
    "inception_v3": {"aux_logits": False, "init_weights": False},
}
"""Networks whose auxiliary classifiers, which only training uses, are left out."""
TIMM_SIZES = {
    "mobilenetv4_conv_medium": 256,
    "mobilenetv4_conv_large": 384,
    **{f"efficientnet_lite{number}": size for number, size in enumerate((224, 240, 260, 300, 380))},
}
"""Where it is not 224."""
TIMM = {
    "resnet50_v1c": "resnet50c",
    **{f"resnet{depth}_v1d": f"resnet{depth}d" for depth in (18, 34, 50, 101, 152)},
    **{f"resnet{depth}_v2": f"resnetv2_{depth}" for depth in (18, 34, 50, 101, 152)},
    "resnext101_32x4d": "resnext101_32x4d",
    # The gate of Hu et al. 2017 has a sixteenth of the channels; timm's newer nets have at least eight.
    **{f"seresnet{depth}": f"legacy_seresnet{depth}" for depth in (18, 34)},
    **{f"seresnet{depth}": f"seresnet{depth}" for depth in (50, 101, 152)},
    **{
        f"seresnext{form}": f"seresnext{form}" for form in ("50_32x4d", "101_32x4d", "101_32x8d", "101_64x4d")
    },
    **{
        name: name
        for name in (
            "vit_tiny_patch16_224", "vit_small_patch16_224", "vit_small_patch32_224",
            *(f"mobilenetv4_conv_{size}" for size in ("small", "medium", "large")),
            *(f"efficientnet_lite{number}" for number in range(5)),
            "ghostnet_050", "ghostnet_100", "ghostnet_130",
            *(f"convnext_{size}" for size in ("atto", "femto", "pico", "nano")),
            *(f"convnextv2_{size}" for size in ("atto", "femto", "pico", "nano", "tiny", "base")),
            "deit_tiny_patch16_224", "deit_small_patch16_224", "deit_base_patch16_224",
            *(f"deit_{size}_distilled_patch16_224" for size in ("tiny", "small", "base")),
        )
    },
    **{f"mobilenet_v2_{width}": f"mobilenetv2_{width}" for width in ("035", "050", "075", "140")},
}  # fmt: skip


def main():
    target, patterns = Path(__file__).with_name("published_counts.json"), sys.argv[1:] or ["*"]
    before = {name: row for rows in json.loads(target.read_text()).values() for name, row in rows.items()}

    def rows(names, count_one):
        return {
            ours: count_one(theirs)
            if ours not in before or any(fnmatchcase(ours, pattern) for pattern in patterns)
            else before[ours]
            for ours, theirs in names.items()
        }

    counts = {
        f"torchvision {torchvision.__version__}": rows(TORCHVISION, torchvision_counts),
        f"timm {timm.__version__}": rows(TIMM, timm_counts),
    }
    lines = json.dumps(counts, indent=1).replace("\n   ", " ").replace("\n  }", " }")
    target.write_text(lines + "\n")


def torchvision_counts(name):
    first = next(iter(torchvision.models.get_model_weights(name)))
    (size,) = first.transforms().crop_size
    # RegNet computes its channels with tensors, which must have values.
    with torch.device("cpu" if name.startswith("regnet") else "meta"):
        net = torchvision.models.get_model(name, **AUXILIARY.get(name, {})).to("meta")
    counts = count(net, size)
    if name not in AUXILIARY:
        assert counts["parameters"] == first.meta["num_params"], name
        assert round(counts["multiply_adds"] / 1e9, 3) == first.meta["_ops"], name
    return {"name": name, **counts, "top1": first.meta["_metrics"]["ImageNet-1K"]["acc@1"]}


def timm_counts(name):
    with torch.device("meta"):
        return {"name": name, **count(timm.create_model(name), TIMM_SIZES.get(name, 224))}


def count(net, size):
    net.eval()
    # With gradients, for without them PyTorch's attention takes one fused step that is not counted.
    with FlopCounterMode(display=False) as counter:
        net(torch.empty(1, 3, size, size, device="meta"))
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "multiply_adds": counter.get_total_flops() // 2,
        "size": size,
    }


if __name__ == "__main__":
    main()
