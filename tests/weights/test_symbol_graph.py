"""Graphs as MXNet writes them, old forms too; what is none is refused."""

import json

import pytest

from gluonlab.errors import CheckpointError
from gluonlab.models import create
from gluonlab.runtime.mxnet import mx
from gluonlab.weights.gluon_graph import INPUT, graph_of, graph_text
from gluonlab.weights.symbol_graph import parse_symbol, read_symbol


def document(nodes, heads=((1, 0, 0),)):
    return json.dumps({"nodes": nodes, "heads": [list(head) for head in heads]})


DATA = {"op": "null", "name": "data", "inputs": []}


def relu(**more):
    return {"op": "Activation", "name": "relu", "inputs": [[0, 0, 0]], **more}


def test_attributes_are_values():
    texts = {
        "a": "3",
        "b": "(1, -2)",
        "c": "[4,5]",
        "d": "True",
        "e": "None",
        "f": "0.5",
        "g": "relu",
        "h": "(1L, 2L)",
    }
    (node,) = parse_symbol(document([DATA, relu(attrs=texts)]), "x").nodes[1:]
    values = {"a": 3, "b": (1, -2), "c": (4, 5), "d": True, "e": None, "f": 0.5, "g": "relu", "h": (1, 2)}
    assert node.attributes == values


def test_the_names_of_attributes_in_older_versions_are_known():
    """``param`` until 0.9, where inputs had two numbers; ``attr`` until 0.12; ``attrs`` since."""
    new = parse_symbol(document([DATA, relu(attrs={"act_type": "relu"})]), "x")
    assert parse_symbol(document([DATA, relu(attr={"act_type": "relu", "__lr_mult__": "2"})]), "x") == new
    old = {"op": "Activation", "name": "relu", "param": {"act_type": "relu"}, "inputs": [[0, 0]]}
    assert parse_symbol(document([DATA, old], [(1, 0)]), "x") == new


def test_a_network_is_read_under_its_structural_names():
    net = create("small_resnet8")
    graph = graph_of(net)
    assert set(graph.variables) == {INPUT, *net._collect_params_with_prefix()}
    assert mx.sym.load_json(graph_text(net)).list_arguments()[0] == INPUT, "MXNet reads it too"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        "null",
        "[" * 100_000,
        document([DATA], [(1, 0, 0)]),
        document([DATA], []),
        document([relu()], [(0, 0, 0)]),
        document([{**DATA, "name": 7}], [(0, 0, 0)]),
        document([DATA, relu(inputs=[[0]])]),
        document([DATA, relu(inputs=[[-1, 0, 0]])]),
        document([DATA, relu(inputs=[[True, 0, 0]])]),
        document([DATA, relu(attrs={"act_type": 3})]),
        document([DATA, relu(attrs=["act_type"])]),
        json.dumps({"nodes": [DATA]}),
    ],
)
def test_what_is_no_graph_is_refused(text):
    with pytest.raises(CheckpointError, match=r"^error\[CKP03\] a file: is no graph of MXNet"):
        parse_symbol(text, "a file")


def test_a_file_that_is_not_there_or_empty_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match="CKP02"):
        read_symbol(tmp_path / "none-symbol.json")
    (tmp_path / "empty-symbol.json").write_bytes(b"")
    with pytest.raises(CheckpointError, match="CKP03"):
        read_symbol(tmp_path / "empty-symbol.json")


def test_long_text_is_not_taken_for_a_number():
    (node,) = parse_symbol(document([DATA, relu(attrs={"a": "(" * 5000 + ")" * 5000})]), "x").nodes[1:]
    assert isinstance(node.attributes["a"], str)
