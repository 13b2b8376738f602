"""MXNet 1.9.1's operators on sequences in PyTorch: recurrent layers, masks."""

from __future__ import annotations

from typing import Any, Optional

import torch
from torch import Tensor


def recurrent(
    x: Tensor,
    parameters: Tensor,
    state: Tensor,
    cell: Optional[Tensor] = None,
    *,
    training: bool,
    state_size: int,
    num_layers: int,
    mode: str,
    bidirectional: bool = False,
    p: float = 0.0,
    state_outputs: bool = False,
) -> Any:
    """Elman, LSTM or GRU layers over ``x`` (steps, samples, features).

    With ``state_outputs`` the last states come too.
    ``parameters`` holds all weights of all layers, then all biases, gates in the order of cuDNN. States of
    an unknown number of samples are zeros.
    """
    gates = {"rnn_relu": 1, "rnn_tanh": 1, "gru": 3, "lstm": 4}[mode]
    directions, rows = 1 + bidirectional, gates * state_size
    widths = [x.shape[2]] * directions + [state_size * directions] * (directions * (num_layers - 1))
    shapes = [(rows, columns) for width in widths for columns in (width, state_size)]
    shapes += [(rows, 1)] * (2 * len(widths))
    parts = parameters.split([height * width for height, width in shapes])
    half = len(shapes) // 2
    weights = [part.reshape(shape) for part, shape in zip(parts[:half], shapes)]
    flat = []
    for layer in range(len(widths)):
        flat += [*weights[2 * layer : 2 * layer + 2], *parts[half + 2 * layer : half + 2 * layer + 2]]
    run = {"rnn_relu": torch.rnn_relu, "rnn_tanh": torch.rnn_tanh, "gru": torch.gru, "lstm": torch.lstm}[mode]
    starts = [
        x.new_zeros(num_layers * directions, x.shape[1], state_size) if start.numel() == 0 else start
        for start in (state, cell)
        if start is not None
    ]
    start = tuple(starts) if mode == "lstm" else starts[0]
    output, *last = run(x, start, flat, True, num_layers, float(p), training, bidirectional, False)
    return (output, *last) if state_outputs else output


def joined_parameters(*parts: Tensor, num_args: int = 1, dim: int = 0) -> Tensor:
    """Weights and biases of recurrent layers as one vector."""
    return torch.cat([part.reshape(-1) for part in parts])


def sequence_mask(
    x: Tensor,
    length: Optional[Tensor] = None,
    *,
    use_sequence_length: bool = False,
    value: float = 0.0,
    axis: int = 0,
) -> Tensor:
    """``value`` behind the length of each sequence; axis 0 or 1 is time, the other samples."""
    if length is None:
        return x
    steps = torch.arange(x.shape[axis], device=x.device)
    is_in = steps[:, None] < length[None] if axis == 0 else steps[None] < length[:, None]
    return torch.where(is_in.reshape(*is_in.shape, *(1 for _ in x.shape[2:])), x, value)


def sequence_last(
    x: Tensor, length: Optional[Tensor] = None, *, use_sequence_length: bool = False, axis: int = 0
) -> Tensor:
    """The last step of each sequence."""
    x = x.movedim(axis, 0)
    if length is None:
        return x[-1]
    return x[length.to(torch.int64) - 1, torch.arange(x.shape[1], device=x.device)]


def sequence_reverse(
    x: Tensor, length: Optional[Tensor] = None, *, use_sequence_length: bool = False, axis: int = 0
) -> Tensor:
    """Each sequence of ``x`` (steps, samples, ...) backwards, what is behind its length left in place."""
    if length is None:
        return x.flip(0)
    steps = torch.arange(x.shape[0], device=x.device)[:, None]
    ends = length.to(torch.int64)[None]
    places = torch.where(steps < ends, ends - 1 - steps, steps)
    return x[places, torch.arange(x.shape[1], device=x.device)[None]]
