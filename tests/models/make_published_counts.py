"""Write published_counts.json: parameters and multiply-adds of torchvision's and timm's networks.

For an environment of its own, with torch, torchvision and timm:
python tests/models/make_published_counts.py

Parameters are ``sum(p.numel())`` of their networks at 1,000 classes, multiply-adds those of their
convolutions and linear layers for one 224-px image; nothing is downloaded and nothing computed (the
networks are on the device "meta"). Where torchvision's documentation gives figures (``num_params`` and
``_ops`` of the weights), they must be the same. ``top1`` is that of torchvision's first weights, in percent,
as its documentation has it.
"""

import json
from pathlib import Path

import timm
import torch
import torchvision

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
        )
    },
}  # fmt: skip
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
    **{f"mobilenet_v2_{width}": f"mobilenetv2_{width}" for width in ("035", "050", "075", "140")},
}


def main():
    target = Path(__file__).with_name("published_counts.json")
    counts = {
        f"torchvision {torchvision.__version__}": {
            name: torchvision_counts(other) for name, other in TORCHVISION.items()
        },
        f"timm {timm.__version__}": {name: timm_counts(other) for name, other in TIMM.items()},
    }
    lines = json.dumps(counts, indent=1).replace("\n   ", " ").replace("\n  }", " }")
    target.write_text(lines + "\n")


def torchvision_counts(name):
    with torch.device("meta"):
        counts = count(torchvision.models.get_model(name))
    weights = torchvision.models.get_model_weights(name)
    documented = weights.DEFAULT.meta
    assert counts["parameters"] == documented["num_params"], name
    assert round(counts["multiply_adds"] / 1e9, 3) == documented["_ops"], name
    top1 = weights["IMAGENET1K_V1"].meta["_metrics"]["ImageNet-1K"]["acc@1"]
    return {"name": name, **counts, "top1": top1}


def timm_counts(name):
    with torch.device("meta"):
        return {"name": name, **count(timm.create_model(name))}


def count(net):
    multiply_adds = 0

    def add(layer, _, output):
        nonlocal multiply_adds
        multiply_adds += output.numel() // layer.weight.shape[0] * layer.weight.numel()

    for layer in net.modules():
        if isinstance(layer, (torch.nn.Conv2d, torch.nn.Linear)):
            layer.register_forward_hook(add)
    net.eval()
    with torch.no_grad():
        net(torch.empty(1, 3, 224, 224, device="meta"))
    return {
        "parameters": sum(parameter.numel() for parameter in net.parameters()),
        "multiply_adds": multiply_adds,
    }


if __name__ == "__main__":
    main()
