"""What each operator of MXNet 1.9.1 is in PyTorch: one table, and the call that a node of a graph becomes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F

from gluonlab.errors import ConfigError
from gluonlab.torch_engine.operators import activations, arithmetic, layers, sequences, shapes, windows
from gluonlab.weights.symbol_graph import Node


@dataclass(frozen=True)
class Operator:
    """A function of tensors and attributes; ``fixed`` are attributes that come with the operator's name.

    With ``is_loss`` it is the end of a network of the Module API: the label goes, there is no backward.
    """

    function: Callable[..., Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)
    is_loss: bool = False


@dataclass(frozen=True)
class Call:
    """A function and its keywords; ``takes_mode`` if it has to be told whether it trains.

    With more than one of ``outputs`` it returns a tuple.
    """

    function: Callable[..., Any]
    keywords: Mapping[str, Any]
    takes_mode: bool
    is_loss: bool
    outputs: int


def _each(names: Mapping[str, Callable[..., Any]]) -> dict[str, Operator]:
    return {name: Operator(function) for key, function in names.items() for name in key.split()}


_LAYERS: dict[str, Callable[..., Any]] = {
    "FullyConnected": layers.fully_connected,
    "Convolution": layers.convolution,
    "Deconvolution": layers.deconvolution,
    "BatchNorm": layers.batch_norm,
    "LayerNorm": layers.layer_norm,
    "GroupNorm": layers.group_norm,
    "InstanceNorm": layers.instance_norm,
    "L2Normalization": layers.l2_normalization,
    "LRN": layers.local_response_norm,
    "Embedding": layers.embedding,
    "Activation": activations.activation,
    "LeakyReLU": activations.leaky_relu,
    "hard_sigmoid": activations.hard_sigmoid,
    "clip": activations.clip,
    "smooth_l1": activations.smooth_l1,
    "softmax": activations.softmax,
    "log_softmax": activations.log_softmax,
    "softmin": activations.softmin,
    "SoftmaxActivation": activations.softmax_activation,
    "Dropout": activations.dropout,
    "Pooling": windows.pooling,
    "_contrib_AdaptiveAvgPooling2D": windows.adaptive_average,
    "UpSampling": windows.up_sampling,
    "_contrib_BilinearResize2D": windows.bilinear_resize,
    "RNN": sequences.recurrent,
    "_rnn_param_concat": sequences.joined_parameters,
    "SequenceMask": sequences.sequence_mask,
    "SequenceLast": sequences.sequence_last,
    "SequenceReverse": sequences.sequence_reverse,
}
_SHAPES: dict[str, Callable[..., Any]] = {
    "Reshape reshape": shapes.reshape,
    "reshape_like": shapes.reshape_like,
    "Flatten flatten": shapes.flatten,
    "transpose": shapes.transpose,
    "SwapAxis": shapes.swap_axes,
    "expand_dims": shapes.expand_dims,
    "squeeze": shapes.squeeze,
    "Concat concat": shapes.concat,
    "stack": shapes.stack,
    "SliceChannel": shapes.split,
    "_split_v2": shapes.split_at,
    "slice": shapes.slice_,
    "slice_axis": shapes.slice_axis,
    "slice_like": shapes.slice_like,
    "reverse": shapes.flip,
    "tile": shapes.tile,
    "repeat": shapes.repeat,
    "Pad": shapes.pad,
    "broadcast_to": shapes.broadcast_to,
    "broadcast_like": shapes.broadcast_like,
    "broadcast_axis": shapes.broadcast_axis,
    "_contrib_arange_like": shapes.arange_like,
    "take": shapes.take,
    "pick": shapes.pick,
    "gather_nd": shapes.gather_nd,
    "one_hot": shapes.one_hot,
    "where": shapes.where,
    "Cast": shapes.cast,
    "_zeros": shapes.zeros,
    "_ones": shapes.ones,
    "zeros_like": shapes.zeros_like,
    "ones_like": shapes.ones_like,
    "_copy MakeLoss make_loss": shapes.identity,
    "BlockGrad": shapes.stop_gradient,
}
_ARITHMETIC: dict[str, Callable[..., Any]] = {
    "elemwise_add broadcast_add _plus": torch.add,
    "elemwise_sub broadcast_sub _minus": torch.sub,
    "elemwise_mul broadcast_mul _mul": torch.mul,
    "elemwise_div broadcast_div _div": torch.div,
    "broadcast_mod _mod": torch.remainder,
    "add_n": arithmetic.add_all,
    "_maximum broadcast_maximum": arithmetic.maximum,
    "_minimum broadcast_minimum": arithmetic.minimum,
    "_power broadcast_power": arithmetic.power,
    "_hypot broadcast_hypot": torch.hypot,
    "_plus_scalar": arithmetic.add_scalar,
    "_minus_scalar": arithmetic.subtract_scalar,
    "_rminus_scalar": arithmetic.subtract_from_scalar,
    "_mul_scalar": arithmetic.multiply_scalar,
    "_div_scalar": arithmetic.divide_scalar,
    "_rdiv_scalar": arithmetic.divide_by,
    "_power_scalar": arithmetic.power_scalar,
    "_rpower_scalar": arithmetic.scalar_power,
    "_maximum_scalar": arithmetic.maximum_scalar,
    "_minimum_scalar": arithmetic.minimum_scalar,
    "sum sum_axis": arithmetic.sum_,
    "mean": arithmetic.mean,
    "prod": arithmetic.product,
    "max max_axis": arithmetic.largest,
    "min min_axis": arithmetic.smallest,
    "norm": arithmetic.norm,
    "argmax": arithmetic.place_of_largest,
    "argmin": arithmetic.place_of_smallest,
    "dot": arithmetic.dot,
    "batch_dot": arithmetic.batch_dot,
    "_linalg_gemm2": arithmetic.scaled_product,
    "_contrib_div_sqrt_dim": arithmetic.divide_by_root_of_width,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "abs": torch.abs,
    "sign": torch.sign,
    "negative": torch.neg,
    "reciprocal": torch.reciprocal,
    "square": torch.square,
    "sqrt": torch.sqrt,
    "rsqrt": torch.rsqrt,
    "exp": torch.exp,
    "expm1": torch.expm1,
    "log": torch.log,
    "log2": torch.log2,
    "log10": torch.log10,
    "log1p": torch.log1p,
    "sin": torch.sin,
    "cos": torch.cos,
    "tan": torch.tan,
    "arcsin": torch.asin,
    "arccos": torch.acos,
    "arctan": torch.atan,
    "sinh": torch.sinh,
    "cosh": torch.cosh,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "relu": F.relu,
    "sigmoid": torch.sigmoid,
    "softsign": F.softsign,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc fix": torch.trunc,
}
_RELATIONS = {
    "equal": "eq",
    "not_equal": "ne",
    "greater": "gt",
    "greater_equal": "ge",
    "lesser": "lt",
    "lesser_equal": "le",
}

OPERATORS: dict[str, Operator] = {
    **_each({**_LAYERS, **_SHAPES, **_ARITHMETIC, **_FUNCTIONS}),
    **{
        name: Operator(arithmetic.compare, {"relation": relation})
        for kind, relation in _RELATIONS.items()
        for name in (f"_{kind}", f"broadcast_{kind}", f"_{kind}_scalar")
    },
    "_contrib_BatchNormWithReLU": Operator(layers.batch_norm_and_relu),
    "SoftmaxOutput": Operator(activations.softmax_output, is_loss=True),
    "LinearRegressionOutput": Operator(shapes.identity, is_loss=True),
    "LogisticRegressionOutput": Operator(torch.sigmoid, is_loss=True),
}
"""By the name of the operator in the graph."""

_ABOUT_SPEED = {"workspace", "cudnn_tune", "cudnn_off", "sparse_grad", "ctx", "is_int"}
_ABOUT_LOSSES = {"grad_scale", "ignore_label", "use_ignore", "normalization", "out_grad", "smooth_alpha"}
_LAYOUTS = {"NCW", "NCHW", "NCDHW", "None"}


def call_of(node: Node) -> Call:
    """What ``node`` is in PyTorch.

    Raises:
        ConfigError: CFG81, with the layer, for an operator or an attribute that has nothing like it.
    """
    operator = OPERATORS.get(node.operator)
    if operator is None:
        raise ConfigError("CFG81", node.name, f"operator {node.operator} is not known to the torch engine")
    keywords = dict(operator.fixed)
    known = _keywords_of(operator.function)
    for key, value in node.attributes.items():
        if key in known:
            keywords[key] = (
                (value,) if isinstance(value, int) and known[key].startswith("Sequence") else value
            )
        elif not _is_harmless(key, value, operator):
            raise ConfigError(
                "CFG81", node.name, f"{node.operator} with {key}={value} is not known to the torch engine"
            )
    return Call(operator.function, keywords, "training" in known, operator.is_loss, _outputs(node))


def _outputs(node: Node) -> int:
    values = node.attributes
    if node.operator == "SliceChannel":
        return int(values["num_outputs"])
    if node.operator == "_split_v2":
        return int(values.get("sections") or 0) or len(values["indices"])
    if node.operator == "RNN" and values.get("state_outputs"):
        return 3 if values["mode"] == "lstm" else 2
    return 1


def _keywords_of(function: Callable[..., Any]) -> dict[str, str]:
    """The attributes that ``function`` knows, with what is said of their types; none for PyTorch's own."""
    if not inspect.isfunction(function) or function.__module__.startswith("torch."):
        return {}
    parameters = inspect.signature(function).parameters.values()
    return {each.name: str(each.annotation) for each in parameters if each.kind is each.KEYWORD_ONLY}


def _is_harmless(key: str, value: Any, operator: Operator) -> bool:
    if key == "layout":
        return value in _LAYOUTS or value is None
    is_told_off = value is None or value is False
    return is_told_off or key in _ABOUT_SPEED or (operator.is_loss and key in _ABOUT_LOSSES)
