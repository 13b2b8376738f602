from gluonlab.timing import Throughput


def test_a_lap_divides_images_by_the_time_since_the_lap_before():
    now = iter([10.0, 12.0, 17.0])
    throughput = Throughput(clock=lambda: next(now))
    throughput.add(32)
    throughput.add(32)
    assert throughput.lap() == {"images_per_sec": 32.0, "sec_per_step": 1.0}
    throughput.add(10)
    assert throughput.lap() == {"images_per_sec": 2.0, "sec_per_step": 5.0}
