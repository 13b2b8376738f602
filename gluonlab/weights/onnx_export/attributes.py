"""What converters of operators are given: the ONNX graph in the making, and the attributes of an operator."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from gluonlab.errors import ConfigError


class Graph(Protocol):
    """The ONNX graph in the making."""

    def add(self, kind: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add an operator; returns the name of its output."""

    def constant(self, values: Any, dtype: str = "float32") -> str:
        """Add a constant; returns its name."""

    def fill(self, name: str, value: float) -> None:
        """Make all numbers of the weight ``name`` the same."""


class Attributes:
    """The attributes of one MXNet operator, text in the symbol graph, as values; and its input's shape."""

    def __init__(self, name: str, texts: Mapping[str, str], input_shape: tuple[int, ...] = ()) -> None:
        self.name = name
        self.input_shape = input_shape
        self._texts = texts

    def value(self, key: str, default: Any = None) -> Any:
        """Number, tuple, truth value or None; text where it is none of them."""
        text = self._texts.get(key)
        if text is None:
            return default
        try:
            return ast.literal_eval(text)
        except (ValueError, SyntaxError):
            return text

    def pads(self, dimensions: int) -> list[int]:
        """Padding before and after each image axis."""
        return list(self.value("pad") or (0,) * dimensions) * 2

    def refuse(self, what: str) -> ConfigError:
        """The error that this operator cannot be exported."""
        return ConfigError("CFG78", self.name, f"{what} cannot be exported to ONNX")
