import math

import pytest

from gluonlab.sweep.axes import parse_axes
from gluonlab.sweep.record import DIVERGED, FINISHED, Trial
from gluonlab.sweep.samplers import grid_points, num_grid_points, random_point, tpe_point

AXES = parse_axes(["lr=log:0.001..10", "name=sgd,nag", "depth=int:2..5"], is_grid=False)


def test_a_grid_has_each_value_with_each_other():
    axes = parse_axes(["lr=log:1..100:3", "name=sgd,nag"], is_grid=True)
    points = grid_points(axes)
    assert points[:3] == [
        {"lr": "1", "name": "sgd"},
        {"lr": "1", "name": "nag"},
        {"lr": "10", "name": "sgd"},
    ]
    assert len(points) == num_grid_points(axes) == 6


def test_random_points_depend_on_seed_and_number_and_fill_the_range():
    points = [random_point(AXES, 0, number) for number in range(300)]
    assert points[7] == random_point(AXES, 0, 7)
    assert points[7] != random_point(AXES, 1, 7)
    exponents = sorted(math.log10(float(point["lr"])) for point in points)
    assert exponents[0] < -2.9
    assert exponents[150] == pytest.approx(-1, abs=0.3)
    assert exponents[-1] > 0.9
    assert {point["name"] for point in points} == {"sgd", "nag"}
    assert {point["depth"] for point in points} == {"2", "3", "4", "5"}


def quality(values):
    """Best at a rate of 0.1, with nag; a rate of 5 or more diverges."""
    rate = float(values["lr"])
    return None if rate >= 5 else 0.9 - 0.2 * abs(math.log10(rate) + 1) + 0.05 * (values["name"] == "nag")


def test_tpe_is_a_function_of_what_the_runs_gave_and_comes_nearer():
    pytest.importorskip("optuna")
    trials = []
    for number in range(40):
        values = tpe_point(AXES, 0, trials)
        assert values == tpe_point(AXES, 0, trials)  # made anew from the record
        top1 = quality(values)
        trials.append(Trial(number, values, FINISHED if top1 else DIVERGED, top1=top1))
    later = [abs(math.log10(float(trial.values["lr"])) + 1) for trial in trials[25:]]
    assert sum(later) / len(later) < 0.7  # of random points it would be 1.2
    assert max(trial.top1 or 0 for trial in trials) > 0.92
    running = [*trials, Trial(40, tpe_point(AXES, 0, trials))]
    assert tpe_point(AXES, 0, running) != running[-1].values
