import time
from dataclasses import replace
from math import log, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonlab.simulate.allreduce import ALGORITHMS
from gluonlab.simulate.compute import ComputeLaw
from gluonlab.simulate.gradients import Fusion, GradientTensor
from gluonlab.simulate.stragglers import expected_maximum, straggler_seconds
from gluonlab.simulate.topology import Link, Topology
from gluonlab.simulate.update import (
    Cluster,
    Communication,
    InputPipeline,
    Work,
    efficiency,
    images_per_second,
    simulate_update,
)
from gluonlab.simulate.what_if import rank_changes

TENSORS = tuple(GradientTensor(str(index), 158_739, 1 + index % 3) for index in range(161))
CLUSTER = Cluster(
    Topology(8, Link(100e9, 4e-6), Link(10e9, 8e-6)),
    Communication("auto", False, Fusion(2**26, 1e-3)),
    InputPipeline(),
    0.03,
    900e9,
)
WORK = Work(ComputeLaw(0.01, 1500, 32, 256), 64, 1, TENSORS, 4, 3 * 224 * 224, True)

CLUSTERS = st.builds(
    Cluster,
    st.builds(
        Topology,
        st.just(8),
        st.builds(Link, st.floats(1e8, 1e12), st.floats(0, 1e-3)),
        st.builds(Link, st.floats(1e8, 1e12), st.floats(0, 1e-3)),
    ),
    st.builds(
        Communication,
        st.sampled_from(sorted(ALGORITHMS)),
        st.booleans(),
        st.builds(Fusion, st.floats(0, 1e9), st.floats(0, 0.01)),
    ),
    st.builds(InputPipeline, st.none() | st.floats(10, 1e5), st.none() | st.floats(1e8, 1e11), st.booleans()),
    st.floats(0, 0.1),
    st.floats(1e9, 1e12),
)
WORKS = st.builds(
    Work,
    st.builds(ComputeLaw, st.floats(0, 0.05), st.floats(10, 1e4), st.just(1), st.just(1000)),
    st.integers(1, 1000),
    st.integers(1, 8),
    st.lists(
        st.builds(GradientTensor, st.just(""), st.integers(1, 10**7), st.integers(0, 10**9)),
        min_size=1,
        max_size=12,
    ).map(tuple),
    st.sampled_from([2, 4]),
    st.just(150_528),
    st.booleans(),
)
GPUS = st.sampled_from([1, 2, 3, 8, 16, 24, 128, 1024])


@given(CLUSTERS, WORKS, GPUS)
def test_efficiency_is_never_above_one_and_no_part_is_negative(cluster, work, gpus):
    update = simulate_update(cluster, work, gpus)
    assert 0 < efficiency(update) <= 1
    parts = [value for name, value in vars(update).items()]
    assert min(parts) >= 0
    assert update.seconds == pytest.approx(sum(parts))


@given(CLUSTERS, WORKS, GPUS)
def test_bandwidth_never_costs_time(cluster, work, gpus):
    topology = cluster.topology
    network = Link(2 * topology.network.bytes_per_second, topology.network.latency_seconds)
    faster = replace(cluster, topology=replace(topology, network=network))
    before = simulate_update(cluster, work, gpus).seconds
    assert simulate_update(faster, work, gpus).seconds <= before * (1 + 1e-12)


@given(CLUSTERS, WORKS)
def test_one_gpu_neither_communicates_nor_waits_for_others(cluster, work):
    update = simulate_update(cluster, work, 1)
    assert update.communication_seconds == 0
    assert update.straggler_seconds == 0


@given(CLUSTERS, WORKS, GPUS)
def test_overlap_never_costs_more_than_a_cycle(cluster, work, gpus):
    communication = cluster.communication
    hidden = replace(cluster, communication=replace(communication, is_overlapped=True))
    shown = replace(cluster, communication=replace(communication, is_overlapped=False))
    with_overlap = simulate_update(hidden, work, gpus).communication_seconds
    without = simulate_update(shown, work, gpus).communication_seconds
    assert with_overlap <= without * (1 + 1e-9) + communication.fusion.cycle_seconds


def test_an_update_by_hand():
    cluster = replace(CLUSTER, communication=Communication("ring", False, Fusion(2**30, 0)))
    update = simulate_update(cluster, WORK, 16)
    gradient_bytes = 4 * 161 * 158_739
    assert update.compute_seconds == pytest.approx(0.01 + 64 / 1500)
    expected = 28 * 4e-6 + 2 * 8e-6 + 2 * 15 / 16 * gradient_bytes / 10e9
    assert update.communication_seconds == pytest.approx(expected)
    assert update.optimizer_seconds == pytest.approx(2 * gradient_bytes / 900e9)
    assert images_per_second(update, WORK, 16) == pytest.approx(16 * 64 / update.seconds)


def test_passes_share_one_all_reduce():
    once, four = (simulate_update(CLUSTER, replace(WORK, passes=passes), 64) for passes in (1, 4))
    assert four.compute_seconds == pytest.approx(4 * once.compute_seconds)
    assert four.communication_seconds == pytest.approx(once.communication_seconds)
    assert four.straggler_seconds == pytest.approx(2 * once.straggler_seconds)


def test_input_that_is_prefetched_only_costs_what_is_left():
    slow = InputPipeline(decoded_images_per_second=8 * 64 / 0.2)
    update = simulate_update(replace(CLUSTER, input_pipeline=slow), WORK, 8)
    assert update.seconds == pytest.approx(0.2)
    in_turn = simulate_update(replace(CLUSTER, input_pipeline=replace(slow, is_prefetched=False)), WORK, 8)
    assert in_turn.input_seconds == pytest.approx(0.2)


def test_the_largest_of_many_normal_numbers():
    # Exact means for 2, 10 and 100 (Tippett 1925; Teichroew 1956).
    for workers, exact in {1: 0.0, 2: 1 / sqrt(3.14159265), 10: 1.53875, 100: 2.50759}.items():
        assert expected_maximum(workers) == pytest.approx(exact, rel=0.05, abs=1e-9)
    assert expected_maximum(10**6) / sqrt(2 * log(10**6)) == pytest.approx(1, abs=0.1)
    assert straggler_seconds(1.0, 0.02, 100, passes=4) == pytest.approx(0.02 * expected_maximum(100) / 2)


def test_4096_gpus_and_161_tensors_take_less_than_a_fifth_of_a_second():
    overlapped = replace(CLUSTER, communication=Communication("torus_2d", True, Fusion(2**26, 1e-4)))
    start = time.perf_counter()
    simulate_update(overlapped, WORK, 4096)
    assert time.perf_counter() - start < 0.2


def test_changes_are_ranked_and_true():
    gains = rank_changes(CLUSTER, WORK, 256)
    assert [gain.speedup for gain in gains] == sorted((gain.speedup for gain in gains), reverse=True)
    by_name = {gain.change: gain for gain in gains}
    halved = simulate_update(CLUSTER, replace(WORK, bytes_per_element=2), 256)
    rate = by_name["float16 gradients on the wire"].images_per_second
    assert rate == pytest.approx(images_per_second(halved, WORK, 256))
    assert by_name["network bandwidth x2"].speedup > 1
    assert "float16 gradients on the wire" not in {
        gain.change for gain in rank_changes(CLUSTER, replace(WORK, bytes_per_element=2), 256)
    }


def test_contention_slows_full_nodes_and_not_single_gpus():
    crowded = replace(WORK, contention_fraction=0.2)
    full = CLUSTER.topology.gpus_per_node
    for gpus, share in ((1, 0.0), (full, 0.2), (4 * full, 0.2)):
        update = simulate_update(CLUSTER, crowded, gpus)
        assert update.contention_seconds == pytest.approx(share * update.compute_seconds)
        assert efficiency(update) <= efficiency(simulate_update(CLUSTER, WORK, gpus))
