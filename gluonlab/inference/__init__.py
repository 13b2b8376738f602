"""Trained networks in use: engines that compute logits, predictions, features."""

ENGINES = ("mxnet", "fused", "int8", "onnxruntime", "torch")
"""What `engines.make_engine` makes; known here without MXNet."""
