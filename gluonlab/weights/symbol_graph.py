"""The graph of a network as MXNet writes it, a ``-symbol.json`` file, read without MXNet."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Union

from gluonlab.errors import CheckpointError

VARIABLE = "null"
"""What MXNet calls the operator of an input, a parameter or a running statistic."""
MAX_BYTES = 64 << 20
_LITERAL = re.compile(r"[\[\]()\s,0-9eE.+-]*|None|True|False|[\[(][\sNone,0-9TrueFalse.+-]*[\])]")
_PYTHON_2_LONG = re.compile(r"(?<=\d)L\b")
_LONGEST_LITERAL = 4096

Output = tuple[int, int]
"""Number of a node, and which of its outputs."""


@dataclass(frozen=True)
class Node:
    """An operator, or a variable: ``operator`` is then ``null``. ``attributes`` are values, not text."""

    operator: str
    name: str
    inputs: tuple[Output, ...]
    attributes: Mapping[str, Any]

    @property
    def is_variable(self) -> bool:
        """Whether the node is an input, a parameter or a running statistic."""
        return self.operator == VARIABLE


@dataclass(frozen=True)
class SymbolGraph:
    """Nodes, each after those that it reads, and the outputs of the whole."""

    nodes: tuple[Node, ...]
    heads: tuple[Output, ...]

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of inputs, parameters and running statistics, in the order of the file."""
        return tuple(node.name for node in self.nodes if node.is_variable)


def read_symbol(path: Path) -> SymbolGraph:
    """The graph in the file ``path``.

    Raises:
        CheckpointError: CKP02 if it cannot be read, CKP03 if it is no graph.
    """
    try:
        size = path.stat().st_size
        raw = path.read_bytes() if size <= MAX_BYTES else b""
    except OSError as error:
        raise CheckpointError("CKP02", str(path), error.strerror or "cannot be read") from None
    if not raw:
        raise CheckpointError("CKP03", str(path), f"{size} bytes are no graph of MXNet")
    return parse_symbol(raw, str(path))


def parse_symbol(text: Union[str, bytes], where: str) -> SymbolGraph:
    """The graph in the JSON ``text``; raises `CheckpointError` CKP03, naming ``where``."""
    try:
        document = json.loads(text)
        nodes: list[Node] = []
        for number, entry in enumerate(document["nodes"]):
            nodes.append(_node(entry, number))
        heads = tuple(_output(head, len(nodes)) for head in document["heads"])
        if not heads:
            raise ValueError("it has no outputs")
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError) as error:
        raise CheckpointError("CKP03", where, f"is no graph of MXNet: {error!s:.200}") from None
    return SymbolGraph(tuple(nodes), heads)


def _node(entry: Mapping[str, Any], number: int) -> Node:
    operator, name = entry["op"], entry["name"]
    if not (isinstance(operator, str) and isinstance(name, str)):
        raise TypeError(f"node {number} has no name")
    # "attr" until MXNet 0.12, "param" until 0.9
    texts = {**entry.get("param", {}), **entry.get("attr", {}), **entry.get("attrs", {})}
    attributes = {key: _value(text) for key, text in texts.items() if not key.startswith("__")}
    return Node(operator, name, tuple(_output(source, number) for source in entry["inputs"]), attributes)


def _output(reference: Sequence[Any], below: int) -> Output:
    source, output = reference[0], reference[1]
    if type(source) is not int or type(output) is not int or not 0 <= source < below or output < 0:
        raise ValueError(f"{reference} refers to no earlier node")
    return source, output


def _value(text: Any) -> Any:
    """Number, tuple, truth value or None; text where it is none of them."""
    if not isinstance(text, str):
        raise TypeError(f"{text!r} is no attribute")
    plain = _PYTHON_2_LONG.sub("", text.strip())
    if len(plain) > _LONGEST_LITERAL or not _LITERAL.fullmatch(plain):
        return text
    try:
        value = ast.literal_eval(plain)
    except (ValueError, SyntaxError, MemoryError):
        return text
    return tuple(value) if isinstance(value, list) else value
