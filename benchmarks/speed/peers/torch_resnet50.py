"""ResNet-50 in PyTorch, as torchvision has it: training steps or forward passes, channels first or last.

TORCH_PYTHON -m benchmarks.speed.peers.torch_resnet50 train|train_bfloat16|infer nchw|nhwc BATCH THREADS
"""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import nn

from benchmarks.speed.peers.protocol import serve

PARAMETERS = 25_557_032


class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1, and a projection where shapes differ."""

    def __init__(self, inputs: int, width: int, stride: int) -> None:
        super().__init__()
        outputs = 4 * width
        self.body = nn.Sequential(
            *_conv(inputs, width, 1, 1),
            nn.ReLU(inplace=True),
            *_conv(width, width, 3, stride),
            nn.ReLU(inplace=True),
            *_conv(width, outputs, 1, 1),
        )
        needs_projection = stride != 1 or inputs != outputs
        self.shortcut = (
            nn.Sequential(*_conv(inputs, outputs, 1, stride)) if needs_projection else nn.Identity()
        )
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Any) -> Any:
        return self.relu(self.body(x) + self.shortcut(x))


def _conv(inputs: int, outputs: int, kernel: int, stride: int) -> list[Any]:
    padding = kernel // 2
    return [nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False), nn.BatchNorm2d(outputs)]


def resnet50() -> Any:
    layers: list[Any] = [*_conv(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    inputs = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            layers.append(Bottleneck(inputs, 64 << stage, 2 if stage and not block else 1))
            inputs = 256 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, 1000))


def main(mode: str, layout: str, batch: int, threads: int) -> None:
    torch.set_num_threads(threads)
    memory_format = torch.channels_last if layout == "nhwc" else torch.contiguous_format
    net = resnet50().to(memory_format=memory_format)
    if sum(parameter.numel() for parameter in net.parameters()) != PARAMETERS:
        raise SystemExit("this is not ResNet-50")
    images = torch.randn(batch, 3, 224, 224).to(memory_format=memory_format)
    labels = torch.randint(1000, (batch,))
    if mode == "infer":
        step = _inference(net, images)
    else:
        step = _training(net, images, labels, in_bfloat16=mode == "train_bfloat16")
    serve(step, lambda: None, {"torch": torch.__version__})


def _training(net: Any, images: Any, labels: Any, *, in_bfloat16: bool) -> Any:
    loss_fn = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.001, momentum=0.9, weight_decay=1e-4, fused=True)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", torch.bfloat16, enabled=in_bfloat16):
            loss = loss_fn(net(images), labels)
        loss.backward()
        optimizer.step()

    return step


def _inference(net: Any, images: Any) -> Any:
    net.train(False)

    def step() -> None:
        with torch.inference_mode():
            net(images)

    return step


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
