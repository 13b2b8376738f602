"""The peak that results are compared with is what the device can do."""

import time

from gluonlab.bench.peak import copied_bytes_per_second, matmul_flops_per_second
from gluonlab.runtime.mxnet import mx, nd

SIDE = 1024


def test_no_other_way_to_multiply_is_much_faster_than_the_peak():
    left, right = nd.ones((SIDE, SIDE)), nd.ones((SIDE, SIDE))
    ways = [
        lambda: nd.dot(left, right),
        lambda: nd.FullyConnected(left, right, no_bias=True, num_hidden=SIDE),
        lambda: nd.linalg.gemm2(left, right),
    ]
    peak = matmul_flops_per_second(mx.cpu())
    for multiply in ways:
        multiply().wait_to_read()
        start = time.perf_counter()
        multiply().wait_to_read()
        assert 2 * SIDE**3 / (time.perf_counter() - start) < 2 * peak


def test_a_copy_takes_some_time():
    assert 1e8 < copied_bytes_per_second(mx.cpu()) < 1e13
