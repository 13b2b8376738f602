"""What the float64 references of the adaptive optimizers have in common: 50 updates of six parameters."""

import numpy as np

from gluonlab import arrays
from gluonlab.optim.trainer import Trainer
from gluonlab.runtime.mxnet import gluon

STEPS, BATCH = 50, 8
RISE_ZERO_FALL = np.concatenate([np.linspace(0, 1, 20), np.full(10, 1.0), [0.0, 0.0], np.linspace(1, 0, 18)])
SHAPES = {"conv_weight": (4, 3, 3, 3), "dense_weight": (5, 6), "dense_bias": (7,), "norm_gamma": (5,),
          "norm_beta": (4,), "zero_weight": (2, 2)}  # fmt: skip
_RANDOM = np.random.RandomState(0)
STARTS = {name: _RANDOM.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
STARTS["zero_weight"][:] = 0
GRADIENTS = [
    {name: (size * _RANDOM.standard_normal(shape)).astype(np.float32) for name, shape in SHAPES.items()}
    for size in np.geomspace(10, 0.1, STEPS)
]


class OfMXNet:
    """Parameters of Gluon."""

    def __init__(self, dtype):
        self.dtype = dtype

    def __call__(self, name, shape):
        parameter = gluon.Parameter(name, shape=shape, dtype=self.dtype)
        parameter.initialize()
        return parameter


def trained(optimizer, peak_lr, dtype="float32", before_update=lambda step: None, make=None):
    """The parameters after 50 updates at ``peak_lr * RISE_ZERO_FALL``, as float64 by name.

    ``make`` makes a parameter of name and shape, by default one of MXNet's.
    """
    make = make or OfMXNet(dtype)
    parameters = {name: make(name, shape) for name, shape in SHAPES.items()}
    library = arrays.of(parameters["zero_weight"].data())
    for name, parameter in parameters.items():
        library.fill(parameter.data(), STARTS[name])
    trainer = Trainer(list(parameters.values()), optimizer)
    for step, lr in enumerate(peak_lr * RISE_ZERO_FALL):
        for name, parameter in parameters.items():
            library.fill(parameter.grad(), GRADIENTS[step][name])
        trainer.set_learning_rate(float(lr))
        before_update(step)
        trainer.step(BATCH)
    return {name: library.to_numpy(parameter.data()).astype(float) for name, parameter in parameters.items()}


def reference(update, peak_lr):
    """The same in float64: ``update(step, lr, state, w, g, name)`` returns the new weight."""
    weights = {name: start.astype(float) for name, start in STARTS.items()}
    states = {name: {"m": 0.0, "v": 0.0} for name in SHAPES}
    for step, lr in enumerate(peak_lr * RISE_ZERO_FALL):
        for name, w in weights.items():
            g = GRADIENTS[step][name].astype(float) / BATCH
            weights[name] = update(step, lr, states[name], w, g, name)
    return weights


def distance(found, expected):
    """The largest relative distance, L2 per parameter."""
    assert found.keys() == expected.keys()
    return max(np.linalg.norm(found[n] - expected[n]) / np.linalg.norm(expected[n]) for n in expected)
