from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gluonlab.errors import ConfigError
from gluonlab.simulate.allreduce import ALGORITHMS, double_binary_tree, halving_doubling, ring, torus_2d
from gluonlab.simulate.topology import Layout, Link, Topology, network_link

INSIDE, NETWORK = Link(100e9, 4e-6), Link(10e9, 8e-6)
BANDWIDTHS = st.floats(1e8, 1e12)
LATENCIES = st.floats(0, 1e-3)
LAYOUTS = st.builds(
    Layout,
    st.integers(1, 16),
    st.integers(1, 600),
    st.builds(Link, BANDWIDTHS, LATENCIES),
    st.builds(Link, BANDWIDTHS, LATENCIES),
)
SIZES = st.floats(1, 1e10)
NAMES = st.sampled_from(sorted(ALGORITHMS))


def twice(link):
    return Link(2 * link.bytes_per_second, link.latency_seconds)


@given(NAMES, SIZES, BANDWIDTHS, LATENCIES)
def test_one_gpu_costs_nothing(name, size, bandwidth, latency):
    link = Link(bandwidth, latency)
    assert ALGORITHMS[name](size, Layout(1, 1, link, link)) == 0


@given(NAMES, SIZES, LAYOUTS)
def test_bandwidth_never_costs_time(name, size, layout):
    seconds = ALGORITHMS[name](size, layout)
    assert ALGORITHMS[name](size, replace(layout, inside=twice(layout.inside))) <= seconds
    assert ALGORITHMS[name](size, replace(layout, network=twice(layout.network))) <= seconds


@given(NAMES, SIZES, LAYOUTS)
def test_more_bytes_cost_more(name, size, layout):
    more = ALGORITHMS[name](2 * size, layout)
    assert more >= ALGORITHMS[name](size, layout)


@given(st.integers(2, 16), st.integers(1, 600), SIZES, BANDWIDTHS)
def test_a_ring_without_latency_costs_twice_p_minus_1_over_p_bytes(g, m, size, bandwidth):
    link = Link(bandwidth, 0.0)
    p = g * m
    assert ring(size, Layout(g, m, link, link)) == pytest.approx(2 * (p - 1) / p * size / bandwidth)


@given(NAMES.filter(lambda name: name != "parameter_server"), st.integers(2, 600), SIZES)
def test_nothing_beats_the_bytes_that_must_cross_a_link(name, nodes, size):
    layout = Layout(1, nodes, INSIDE, NETWORK)
    least = 2 * (nodes - 1) / nodes * size / NETWORK.bytes_per_second
    assert ALGORITHMS[name](size, layout) >= least * (1 - 1e-9)


def test_ring_of_two_nodes_by_hand():
    # 8 GPUs: 14 hops, 2 of them between nodes; 14/8 of a gigabyte over the slower link.
    assert ring(1e9, Layout(4, 2, INSIDE, NETWORK)) == pytest.approx(12 * 4e-6 + 2 * 8e-6 + 14 / 8 * 0.1)


def test_hierarchical_by_hand():
    expected = 2 * (3 * 4e-6 + 3 / 4 * 0.01 + 1 * 8e-6 + 1 / 2 * 0.1)
    assert ALGORITHMS["hierarchical"](1e9, Layout(4, 2, INSIDE, NETWORK)) == pytest.approx(expected)


def test_latency_grows_with_the_logarithm_or_with_the_number_of_nodes():
    small, large = Layout(1, 64, INSIDE, NETWORK), Layout(1, 4096, INSIDE, NETWORK)
    assert halving_doubling(0, large) == pytest.approx(2 * halving_doubling(0, small))
    assert double_binary_tree(0, large) == pytest.approx(2 * double_binary_tree(0, small))
    assert ring(0, large) / ring(0, small) == pytest.approx(4095 / 63)
    assert torus_2d(0, large) / torus_2d(0, small) == pytest.approx(63 / 7)


def test_a_parameter_server_in_one_node_is_bound_by_one_link():
    assert ALGORITHMS["parameter_server"](1e9, Layout(8, 1, Link(10e9, 0), NETWORK)) == pytest.approx(1.4)


def test_gpus_fill_part_of_a_node_or_whole_nodes():
    topology = Topology(8, INSIDE, NETWORK)
    for gpus, expected in {1: (1, 1), 3: (3, 1), 8: (8, 1), 64: (8, 8)}.items():
        layout = topology.layout(gpus)
        assert (layout.gpus_per_node, layout.nodes) == expected
    for gpus in (0, 9, 12):
        with pytest.raises(ConfigError, match=f"SIM01.*{gpus}"):
            topology.layout(gpus)


def test_a_network_link_has_all_adapters_of_the_node():
    link = network_link(4, 100e9, 8e-6, achieved_fraction=0.8, oversubscription=2)
    assert link.bytes_per_second == pytest.approx(4 * 12.5e9 * 0.8 / 2)
