"""Networks as ONNX models, written from MXNet's symbol graph."""
