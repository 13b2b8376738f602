"""Learning-rate schedules: curves as pure functions of the step, and the keys that a recipe says them by."""

from gluonlab.schedules.curves import (
    Schedule,
    after,
    constant,
    cosine,
    exponential,
    join,
    linear,
    linear_scaling,
    multistep,
    piecewise,
    polynomial,
    quadratic,
    rmsprop_to_sgd,
    sqrt_scaling,
    with_warmup,
)

SCHEDULES = {
    "constant": "gluonlab.schedules.sections.ConstantSection",
    "multistep": "gluonlab.schedules.sections.MultistepSection",
    "cosine": "gluonlab.schedules.sections.CosineSection",
    "polynomial": "gluonlab.schedules.sections.PolynomialSection",
    "linear": "gluonlab.schedules.sections.LinearSection",
    "piecewise": "gluonlab.schedules.sections.PiecewiseSection",
}
"""The values of ``schedule.name`` in a recipe: the section of its keys, which builds the curve."""

__all__ = [
    "SCHEDULES",
    "Schedule",
    "after",
    "constant",
    "cosine",
    "exponential",
    "join",
    "linear",
    "linear_scaling",
    "multistep",
    "piecewise",
    "polynomial",
    "quadratic",
    "rmsprop_to_sgd",
    "sqrt_scaling",
    "with_warmup",
]
