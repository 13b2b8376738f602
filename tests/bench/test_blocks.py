import math

import pytest

from gluonlab.bench.throughput import Measurement, Plan, measure_throughput, tf_cnn_table, utilisation
from gluonlab.bench.time_split import bound_by
from gluonlab.parallel.world import SingleProcess


class CountedWork:
    images_per_step = 4

    def __init__(self):
        self.steps = 0

    def step(self):
        self.steps += 1

    def loss(self):
        return 0.5

    def close(self):
        pass


def test_warm_up_is_not_counted_and_blocks_have_the_steps_asked_for():
    work = CountedWork()
    seen = []
    plan = Plan(warmup_steps=3, blocks=5, steps=7)
    measurement = measure_throughput(
        work, SingleProcess(), plan, lambda so_far: seen.append(len(so_far.images_per_sec))
    )
    assert work.steps == 3 + 5 * 7
    assert seen == [1, 2, 3, 4, 5]
    assert len(measurement.intervals) == 5 * (7 - 2 - 1)  # two steps are under way at first


def test_the_total_is_that_of_the_slowest_and_each_process_has_its_own_rate():
    measurement = Measurement(steps_per_block=10, images_per_step=[8, 8])
    measurement.add([2.0, 4.0], [0.1, 0.3], 1.0)
    row = measurement.as_row()
    assert row["median"] == 40.0  # 160 images in 4 s, not 2 x 40 or 40 + 20
    assert row["by_process"] == [40.0, 20.0]
    assert measurement.sec_per_step == pytest.approx(0.4)
    assert row["ms_per_step"] == {"p50": 100.0, "p90": 300.0, "p99": 300.0, "steps": 2}


def test_resnet50_at_the_rate_of_the_peak_is_fully_used():
    # 4.09e9 multiply-adds: a training image costs 24.5 GFLOP, so 1 TFLOP/s makes 40.7 images/s
    assert utilisation(40.74, 4_090_000_000, 3, 1e12) == pytest.approx(1.0, rel=1e-3)


def test_the_tf_cnn_table_has_standard_errors_with_the_root_of_n():
    measurement = Measurement(steps_per_block=10, images_per_step=[1])
    for rate in (8.0, 12.0, 10.0, 10.0):
        measurement.add([10 / rate], [], 2.5)
    lines = tf_cnn_table(measurement).splitlines()
    assert lines[0] == "Step\tImg/sec\ttotal_loss"
    assert lines[1] == "10\timages/sec: 8.0 +/- 0.0 (jitter = 0.0)\t2.500"
    error = math.sqrt(2.0) / math.sqrt(4)  # standard deviation of 8, 12, 10, 10 is sqrt(2)
    assert lines[4] == f"40\timages/sec: 10.0 +/- {error:.1f} (jitter = 1.5)\t2.500"
    assert lines[6] == "total images/sec: 10.00"


PARTS = {"input": 0, "forward": 30, "backward": 60, "waiting": 0, "communication": 0, "optimizer": 5}


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, "compute"),
        ({"input": 5}, "compute"),
        ({"input": 30}, "input"),
        ({"waiting": 10, "communication": 15}, "communication"),
        ({"input": 20, "communication": 30}, "communication"),
    ],
)
def test_the_verdict_names_what_the_device_waits_for(changed, expected):
    assert bound_by({**PARTS, **changed}) == expected
