"""Networks of torchvision and timm themselves; run by a Python that has them, apart from gluonlab.

A line on stdin is ["make" or "compare", source, name, folder], the answer a line of JSON on stdout. ``make``
writes weights.pth, images.npy and logits.npy, all random; ``compare`` reads exported.safetensors beside them.
"""

import json
import sys
from pathlib import Path

import numpy as np
import timm
import torch
import torchvision
from safetensors.torch import load_file

IMAGES, SIZE = 2, 224
MODULES = {"timm": timm, "torchvision": torchvision}


def main():
    for line in sys.stdin:
        action, source, name, folder = json.loads(line)
        net = network(source, name).eval()
        with torch.inference_mode():
            answer = make(net, Path(folder)) if action == "make" else compare(net, Path(folder))
        versions = {source: MODULES[source].__version__, "torch": torch.__version__}
        print(json.dumps({**answer, "versions": versions}), flush=True)


def network(source, name):
    torch.manual_seed(0)
    return timm.create_model(name) if source == "timm" else torchvision.models.get_model(name)


def make(net, folder):
    for layer in net.modules():
        if isinstance(layer, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.uniform_(layer.bias, -0.3, 0.3)
            torch.nn.init.uniform_(layer.running_mean, -0.4, 0.4)
            torch.nn.init.uniform_(layer.running_var, 0.5, 2)
    images = torch.randn(IMAGES, 3, SIZE, SIZE)
    torch.save(net.state_dict(), folder / "weights.pth")
    np.save(folder / "images.npy", images.numpy())
    np.save(folder / "logits.npy", net(images).numpy())
    return {}


def compare(net, folder):
    """Tensors in both files, those that differ in a bit, and whether the network takes the exported ones."""
    exported = load_file(folder / "exported.safetensors")
    original = torch.load(folder / "weights.pth", weights_only=True)
    names = exported.keys() | original.keys()
    differing = [
        name
        for name in names
        if name not in exported or name not in original or not same_bits(exported[name], original[name])
    ]
    net.load_state_dict(exported, strict=True)
    logits = net(torch.from_numpy(np.load(folder / "images.npy"))).numpy()
    is_same = bool((logits == np.load(folder / "logits.npy")).all())
    return {"tensors": len(names), "differing": sorted(differing), "same_logits_in_pytorch": is_same}


def same_bits(one, other):
    return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)


if __name__ == "__main__":
    main()
