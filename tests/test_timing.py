from gluonlab.timing import Block, Throughput, time_block


def test_a_lap_divides_images_by_the_time_since_the_lap_before():
    now = iter([10.0, 12.0, 17.0])
    throughput = Throughput(clock=lambda: next(now))
    throughput.add(32)
    throughput.add(32)
    assert throughput.lap() == {"images_per_sec": 32.0, "sec_per_step": 1.0}
    throughput.add(10)
    assert throughput.lap() == {"images_per_sec": 2.0, "sec_per_step": 5.0}


def test_a_block_has_one_wait_at_its_end_and_intervals_from_the_steps_that_wait():
    now = iter([0.0, 1.0, 2.0, 4.0, 7.0, 9.0])
    calls = []
    block = time_block(
        lambda: calls.append("step"), 4, lambda: calls.append("wait"), in_flight=1, clock=lambda: next(now)
    )
    assert calls == ["step"] * 4 + ["wait"]
    assert block == Block(seconds=9.0, intervals=(2.0, 3.0))
