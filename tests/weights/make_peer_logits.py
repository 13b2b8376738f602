"""Write peer_logits.json: what torchvision's and timm's networks say of images, with weights drawn by name.

For an environment of its own, with torch, torchvision and timm:
python tests/weights/make_peer_logits.py [PATTERN ...]

The networks are those of tests/models/published_counts.json that match one of the patterns (of our names), or
all. Of each, the names and shapes of its tensors (as a sum) and fifty logits of two images are kept.
"""

import json
import sys
from fnmatch import fnmatchcase
from pathlib import Path

import timm
import torch
import torchvision
from drawn_weights import digest, draw, draw_images, excerpt

COUNTS = Path(__file__).parents[1] / "models/published_counts.json"
TARGET = Path(__file__).with_name("peer_logits.json")
SIZES = {"vgg*": 224, "alexnet": 224, "vit_*": 224, "deit_*": 224}
"""Where 96 pixels a side are not enough for a network, or not allowed."""
ALSO = (
    ("vit_b_16", "timm", "vit_base_patch16_224"),
    ("vit_b_32", "timm", "vit_base_patch32_224"),
    ("vit_l_16", "timm", "vit_large_patch16_224"),
    ("convnext_tiny", "timm", "convnext_tiny"),
)
"""(our name, source, name there) of networks whose counts are those of another source."""


def main():
    patterns = sys.argv[1:] or ["*"]
    rows = json.loads(TARGET.read_text()) if TARGET.exists() else {}
    counts = json.loads(COUNTS.read_text())
    networks = [
        (ours, source.split()[0], row["name"]) for source in counts for ours, row in counts[source].items()
    ]
    for ours, source, theirs in [*networks, *ALSO]:
        if any(fnmatchcase(ours, pattern) for pattern in patterns):
            rows[f"{source} {ours}"] = {"name": theirs, **row_of(source, theirs, size_for(ours))}
            write(rows)


def write(rows):
    lines = (f"{json.dumps(key)}: {json.dumps(row)}" for key, row in sorted(rows.items()))
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def size_for(ours):
    return next((size for pattern, size in SIZES.items() if fnmatchcase(ours, pattern)), 96)


def row_of(source, name, size):
    without = {"aux_logits": False, "init_weights": False} if name in ("googlenet", "inception_v3") else {}
    net = (timm.create_model if source == "timm" else torchvision.models.get_model)(name, **without).eval()
    tensors = net.state_dict()
    shapes = {key: tuple(tensor.shape) for key, tensor in tensors.items()}
    with torch.no_grad():
        for key, tensor in tensors.items():
            tensor.copy_(torch.from_numpy(draw(key, shapes[key])))
        logits = net(torch.from_numpy(draw_images(size))).numpy()
    values, scale = excerpt(logits)
    return {
        "tensors": digest(shapes),
        "size": size,
        "scale": scale,
        "logits": [float(f"{value:.8g}") for value in values],
    }


if __name__ == "__main__":
    main()
