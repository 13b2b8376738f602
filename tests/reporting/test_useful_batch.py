import pytest

from gluonlab.reporting.useful_batch import NoiseScale, largest_useful_batch, smoothed_rows


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


def test_the_smoothed_scale_is_the_ratio_of_averages_and_not_the_average_of_ratios():
    first, second, third = (row["noise_scale"] for row in smoothed_rows(rows((10, 1), (10, 1e-9), (10, 1))))
    assert first == pytest.approx(10)
    assert second == pytest.approx((0.9 * 10 + 10) / (0.9 + 1e-9))
    assert third == pytest.approx((0.81 * 10 + 0.9 * 10 + 10) / (0.81 + 1))


def test_the_smoothed_scale_nears_the_truth_of_a_steady_gradient():
    scale = NoiseScale()
    for step in range(200):
        noisy = scale.add({"gradient_variance": 100.0, "gradient_square": 2.0 + 5 * (-1) ** step})
    assert noisy == pytest.approx(50, rel=0.2)  # single ratios are 14 and -33


def test_rows_without_a_measurement_have_no_smoothed_scale_and_spoil_none():
    between = {"kind": "train", "step": 2, "gradient_variance": None, "gradient_square": 1.0}
    first, missing, last = smoothed_rows([*rows((10, 1)), between, {**rows((10, 1))[0], "step": 3}])
    assert missing["noise_scale"] is None
    assert (first["noise_scale"], last["noise_scale"]) == (pytest.approx(10), pytest.approx(10))
