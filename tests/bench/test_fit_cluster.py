"""Results made up from known numbers give those numbers back, and the simulator then predicts them."""

import pytest

from gluonlab.bench.fit import fit_cluster
from gluonlab.bench.statistics import summarize
from gluonlab.errors import ConfigError

MACHINE = {"processor": "a CPU", "cores": 2}
LATENCY, BANDWIDTH = 1.5e-3, 2e9


def result(*rows, machine=MACHINE, complete=True):
    return {"machine": machine, "complete": complete, "rows": list(rows)}


def training(batch, rate, processes=1, is_independent=False):
    return {
        "mode": "training",
        "model": "resnet18_v1b",
        "precision": "float32",
        "batch": batch,
        "threads": 1,
        "processes": processes,
        "passes_per_update": 1,
        "is_independent": is_independent,
        "copied_bytes_per_sec": 8e9,
        "ms_per_step": {"p50": 100.0, "p90": 112.816},
        **summarize([rate]),
    }


def sums(size, processes=2):
    return {"bytes": size, "processes": processes, "seconds": LATENCY + size / BANDWIDTH}


def test_a_machine_comes_back_from_results_made_from_it():
    fit = fit_cluster(
        [
            result(
                training(4, 9.0),
                training(8, 10.5),
                training(8, 9.5),
                training(8, 16.0, 2, is_independent=True),
            ),
            result(*(sums(size) for size in (1_000, 1_000_000, 100_000_000))),
            result(
                {"mode": "loading", **summarize([500.0]), "processes": 1},
                *({"part": part, **summarize([0.5])} for part in ("import", "build", "second_step")),
            ),
        ]
    )
    assert [(rate.batch, rate.images_per_sec) for rate in fit.rates] == [(4, 9.0), (8, 10.0)]
    assert fit.processes == 2
    assert fit.memory_bytes_per_second == 8e9
    assert fit.noise_fraction == pytest.approx(0.1, rel=1e-3)
    assert fit.contention_fraction == pytest.approx(0.25)  # 2 x 10 alone, 16 at the same time
    assert fit.link_bytes_per_second == pytest.approx(BANDWIDTH)  # two processes send each byte once
    assert fit.link_latency_seconds == pytest.approx((LATENCY - 0.5e-3) / 2)  # two steps, less half a cycle
    assert fit.startup_seconds == 1.0
    assert fit.decoded_images_per_second == 500.0


@pytest.mark.parametrize(
    ("results", "says"),
    [
        ([result(training(8, 1.0)), result(training(8, 1.0), machine={"cores": 4})], "one machine"),
        ([result(training(8, 1.0), complete=False)], "complete"),
        ([result(sums(1000))], "no training"),
    ],
)
def test_what_does_not_go_together_is_refused(results, says):
    with pytest.raises(ConfigError, match=says):
        fit_cluster(results)
