"""Seconds of one all-reduce of ``size_bytes`` over a layout, by algorithm: latencies plus transfers.

Throughout, g is the number of GPUs in a node, m that of nodes, p = g * m, n the bytes, alpha the latency of a
link and B its bytes per second. Additions are taken to be hidden behind the transfers.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from gluonlab.simulate.topology import Layout

AllReduce = Callable[[float, Layout], float]


def ring(size_bytes: float, layout: Layout) -> float:
    """One ring through all GPUs: ``2 (p - 1) alpha + 2 (p - 1) / p * n / B`` (Patarasuk & Yuan 2009).

    Of its hops one in g leaves a node, and the slowest link sets the rate of all.
    """
    g, m, p = layout.gpus_per_node, layout.nodes, layout.gpus
    hops_outside = 2 * (m - 1)
    latency = (
        hops_outside * layout.network.latency_seconds
        + (2 * (p - 1) - hops_outside) * layout.inside.latency_seconds
    )
    return latency + 2 * (p - 1) / p * size_bytes * _slowest_seconds_per_byte(g, m, layout)


def halving_doubling(size_bytes: float, layout: Layout) -> float:
    """Recursive halving, then doubling: ``2 log2(p) alpha``, as many bytes as a ring (Thakur et al. 2005).

    Neighbours come first, so the first halvings stay in the node. Node counts that are no power of two
    work in binary blocks, which cost about a step more and no bandwidth (Rabenseifner 2004).
    """
    return _by_level(size_bytes, layout, _log_steps(layout.gpus_per_node), _log_steps(layout.nodes))


def hierarchical(size_bytes: float, layout: Layout) -> float:
    """Reduce-scatter in the node, rings between nodes, all-gather in the node (Jia et al. 2018).

    ``2 (g - 1) alpha_in + 2 (g - 1) / g * n / B_in + 2 (m - 1) alpha_net + 2 (m - 1) / m * n / B_net``:
    each of the g rings carries n / g, and together they have the adapters of the node.
    """
    return _by_level(size_bytes, layout, layout.gpus_per_node - 1, layout.nodes - 1)


def double_binary_tree(size_bytes: float, layout: Layout) -> float:
    """Two trees over the nodes, each for half of the bytes, with chains inside (Sanders et al. 2009).

    ``2 log2(m) alpha_net + 2 (g - 1) alpha_in + 2 n / B``: an inner node of one tree is a leaf of the other,
    so every link is full in both directions. In one node it is a ring.
    """
    g, m = layout.gpus_per_node, layout.nodes
    if m == 1:
        return ring(size_bytes, layout)
    latency = 2 * _log_steps(m) * layout.network.latency_seconds + 2 * (g - 1) * layout.inside.latency_seconds
    return latency + 2 * size_bytes * _slowest_seconds_per_byte(g, m, layout)


def torus_2d(size_bytes: float, layout: Layout) -> float:
    """Reduce-scatter along rows of X GPUs, all-reduce along columns of Y, all-gather (Mikami et al. 2018).

    Rows are whole nodes, about as many GPUs as columns are long, so the ring of a row leaves X / g nodes; a
    column carries n / X, and a node has g columns.
    """
    g, m = layout.gpus_per_node, layout.nodes
    nodes_in_row = _torus_row(g, m)
    columns = nodes_in_row * g
    row = Layout(g, nodes_in_row, layout.inside, layout.network)
    column_nodes = m // nodes_in_row
    bytes_of_node = size_bytes / columns * g
    column_latency = 2 * (column_nodes - 1) * layout.network.latency_seconds
    column = 2 * (column_nodes - 1) / column_nodes * bytes_of_node / layout.network.bytes_per_second
    return ring(size_bytes, row) + column_latency + column


def parameter_server(size_bytes: float, layout: Layout) -> float:
    """Sum on one device of the node, push to and pull from servers on all nodes (Li et al. 2014).

    The link of that device takes ``2 (g - 1) n`` bytes; a node with its server sends
    ``2 (m - 1) / m * n``.
    """
    g, m = layout.gpus_per_node, layout.nodes
    inside, network = layout.inside, layout.network
    seconds = 0.0
    if g > 1:
        seconds += 2 * inside.latency_seconds + 2 * (g - 1) * size_bytes / inside.bytes_per_second
    if m > 1:
        seconds += 2 * network.latency_seconds + 2 * (m - 1) / m * size_bytes / network.bytes_per_second
    return seconds


def fastest_of_nccl(size_bytes: float, layout: Layout) -> float:
    """The better of ring and double binary tree, which NCCL 2.4 and later choose from."""
    return min(ring(size_bytes, layout), double_binary_tree(size_bytes, layout))


ALGORITHMS: Mapping[str, AllReduce] = {
    "auto": fastest_of_nccl,
    "ring": ring,
    "halving_doubling": halving_doubling,
    "double_binary_tree": double_binary_tree,
    "hierarchical": hierarchical,
    "torus_2d": torus_2d,
    "parameter_server": parameter_server,
}


def _by_level(size_bytes: float, layout: Layout, steps_inside: int, steps_outside: int) -> float:
    """Reduce-scatter and all-gather in the node around an all-reduce between nodes."""
    g, m = layout.gpus_per_node, layout.nodes
    inside = (
        steps_inside * layout.inside.latency_seconds
        + (g - 1) / g * size_bytes / layout.inside.bytes_per_second
    )
    outside = (
        steps_outside * layout.network.latency_seconds
        + (m - 1) / m * size_bytes / layout.network.bytes_per_second
    )
    return 2 * (inside + outside)


def _slowest_seconds_per_byte(gpus_per_node: int, nodes: int, layout: Layout) -> float:
    inside = 1 / layout.inside.bytes_per_second if gpus_per_node > 1 else 0.0
    outside = 1 / layout.network.bytes_per_second if nodes > 1 else 0.0
    return max(inside, outside)


def _log_steps(parts: int) -> int:
    return math.ceil(math.log2(parts))


def _torus_row(gpus_per_node: int, nodes: int) -> int:
    """Nodes in a row: the divisor of ``nodes`` that makes rows about as long as columns."""
    wanted = math.sqrt(nodes / gpus_per_node)
    small = [count for count in range(1, math.isqrt(nodes) + 1) if nodes % count == 0]
    divisors = [*small, *(nodes // count for count in small)]
    return min(divisors, key=lambda count: abs(math.log(count / wanted)))
