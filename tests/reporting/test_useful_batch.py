import pytest

from gluonlab.reporting.useful_batch import largest_useful_batch


def rows(*estimates):
    return [
        {"kind": "train", "step": step, "gradient_variance": variance, "gradient_square": square}
        for step, (variance, square) in enumerate(estimates, start=1)
    ]


def test_it_is_the_ratio_of_means_over_the_second_half():
    assert largest_useful_batch(rows((1, 1), (100, 2), (300, 2), (200, -1))) == pytest.approx(600 / 3)


def test_without_measurements_or_a_gradient_there_is_none():
    assert largest_useful_batch([]) is None
    assert largest_useful_batch([{"kind": "train", "step": 1, "loss": 2.0}]) is None
    assert largest_useful_batch(rows((5, 0), (5, -1))) is None
