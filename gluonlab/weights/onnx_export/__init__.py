"""Networks as ONNX models, written from MXNet's symbol graph."""

CONSTANT = "constant_"
"""What the names of constants begin with, which are no weights of the network."""
