"""The peaks of arithmetic, copies and memory that results are compared with."""

import time

from gluonlab.bench.machine import peak_memory_bytes, reset_peak_memory
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


def test_the_peak_of_memory_is_without_what_was_freed_before():
    reset_peak_memory()
    before = peak_memory_bytes(mx.cpu())
    large = nd.ones(50_000_000)
    large.wait_to_read()
    assert peak_memory_bytes(mx.cpu()) > before + 1.9e8
    del large
    reset_peak_memory()
    assert peak_memory_bytes(mx.cpu()) < before + 1e8
