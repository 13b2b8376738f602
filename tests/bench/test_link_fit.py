import pytest

from gluonlab.bench.allreduce import bus_bytes_per_second, fit_link


def test_latency_and_bandwidth_come_back_from_exact_times():
    sizes = [1_000, 100_000, 10_000_000, 100_000_000]
    link = fit_link({size: 50e-6 + size / 2e9 for size in sizes})
    assert link.latency_seconds == pytest.approx(50e-6)
    assert link.bytes_per_second == pytest.approx(2e9)
    assert link.largest_error < 1e-9


def test_a_latency_is_never_negative():
    assert fit_link({100: 0.5, 1000: 10.0}).latency_seconds == 0


@pytest.mark.parametrize("seconds", [{8: 1.0}, {8: 1.0, 80: 0.1}])
def test_what_tells_no_bandwidth_is_refused(seconds):
    with pytest.raises(ValueError, match=r"latency|no more time"):
        fit_link(seconds)


def test_the_bus_carries_twice_the_bytes_on_many_processes_and_once_on_two():
    assert bus_bytes_per_second(100.0, 1.0, 2) == 100.0
    assert bus_bytes_per_second(100.0, 1.0, 100) == pytest.approx(198.0)
