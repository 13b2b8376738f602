"""Where GPUs sit, and the two kinds of links between them."""

from __future__ import annotations

from dataclasses import dataclass

from gluonlab.errors import ConfigError


@dataclass(frozen=True)
class Link:
    """A message of n bytes takes ``latency_seconds + n / bytes_per_second`` (Hockney 1994)."""

    bytes_per_second: float
    latency_seconds: float


@dataclass(frozen=True)
class Layout:
    """``nodes`` nodes with ``gpus_per_node`` GPUs in use each.

    ``inside`` is what one GPU sends to its neighbours in the node; ``network`` is what one node sends
    through all its adapters together. Both are per direction.
    """

    gpus_per_node: int
    nodes: int
    inside: Link
    network: Link

    @property
    def gpus(self) -> int:
        """The number of GPUs in use, over all nodes."""
        return self.gpus_per_node * self.nodes


@dataclass(frozen=True)
class Topology:
    """Nodes of ``gpus_per_node`` GPUs; for ``inside`` and ``network`` see `Layout`."""

    gpus_per_node: int
    inside: Link
    network: Link

    def layout(self, gpus: int) -> Layout:
        """``gpus`` GPUs in one node, or in as many full nodes as they fill.

        Raises:
            ConfigError: SIM01 if they neither fit into one node nor fill nodes.
        """
        if gpus < 1 or (gpus > self.gpus_per_node and gpus % self.gpus_per_node):
            raise ConfigError(
                "SIM01",
                f"--gpus {gpus}",
                f"is neither 1 to {self.gpus_per_node}, one node, nor a multiple of {self.gpus_per_node}",
            )
        inside_node = min(gpus, self.gpus_per_node)
        return Layout(inside_node, gpus // inside_node, self.inside, self.network)


def network_link(
    adapters: int,
    bits_per_second: float,
    latency_seconds: float,
    achieved_fraction: float = 1.0,
    oversubscription: float = 1.0,
) -> Link:
    """The link of a node with ``adapters`` of ``bits_per_second`` each.

    ``achieved_fraction`` is the share of the nominal rate that a long message gets; behind switches with
    ``oversubscription`` times less capacity upwards than downwards, a node has that much less.
    """
    bytes_per_second = adapters * bits_per_second / 8 * achieved_fraction / oversubscription
    return Link(bytes_per_second, latency_seconds)
