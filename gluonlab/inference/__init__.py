"""Trained networks in use: engines that compute logits, predictions, features."""

from importlib.util import find_spec

ENGINES = ("mxnet", "fused", "int8", "onnxruntime", "torch")
"""What `engines.make_engine` makes; known here without MXNet."""


def default_engine() -> str:
    """``mxnet``; ``torch`` where only that is installed."""
    return "torch" if find_spec("mxnet") is None and find_spec("torch") is not None else "mxnet"
