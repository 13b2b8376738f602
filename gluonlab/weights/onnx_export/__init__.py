"""Networks as ONNX models, written from MXNet's symbol graph.

MXNet 1.9.1 brings an exporter (``mxnet.onnx``), which is not used: with onnx 1.16 it gave ResNet-50 with
the right logits, but it marks operators of opset 13 as those of the newest opset that is installed, lists all
weights as inputs, fixes the batch size, and has no valid model for ViT and ConvNeXt.
"""

CONSTANT = "constant_"
"""What the names of constants begin with, which are no weights of the network."""
