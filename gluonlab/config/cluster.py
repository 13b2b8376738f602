"""The schema of a cluster file: what a machine computes, sends and costs, and reading one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, Optional

from pydantic import Field, ValidationError

from gluonlab.config.problems import find_problems
from gluonlab.config.tree import load_tree
from gluonlab.errors import ConfigError
from gluonlab.section import Section
from gluonlab.shipped import find_cluster

Algorithm = Literal[
    "auto",
    "ring",
    "halving_doubling",
    "double_binary_tree",
    "hierarchical",
    "torus_2d",
    "parameter_server",
]


class Measurement(Section):
    """The rate of one device in training, with a plain update and nothing to wait for."""

    model: str = Field(description="A name that `gluonlab models list` shows.")
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        description="Type that the network computes in."
    )
    batch_images: int = Field(ge=1, description="Images of a pass.")
    images_per_second: float = Field(gt=0, description="Rate of one device.")
    contention_fraction: Optional[float] = Field(
        None, ge=0, lt=10, description="As that of the file, for this network; default: that of the file."
    )


class DeviceSection(Section):
    """One GPU, or one process of a CPU."""

    name: str = Field("", description="Product name.")
    memory_gigabytes_per_second: float = Field(
        gt=0, description="Memory bandwidth, for the norms of LARS; 1e9 bytes."
    )
    pass_overhead_milliseconds: Optional[float] = Field(
        None,
        ge=0,
        description="What a pass costs at any batch; default: fitted to the rates of at least two.",
    )
    throughput: list[Measurement] = Field(min_length=1, description="Measured or published rates.")


class InsideNode(Section):
    """Links between the GPUs of a node."""

    gigabytes_per_second: float = Field(
        gt=0, description="Bandwidth that a ring all-reduce gets from each GPU, one direction; 1e9 bytes."
    )
    latency_microseconds: float = Field(ge=0, description="Of one step of an all-reduce.")


class Network(Section):
    """Links between nodes; left out, the machine is one node."""

    adapters_per_node: int = Field(ge=1, description="Network adapters that gradients use.")
    gigabits_per_second: float = Field(gt=0, description="Nominal rate of one adapter; 1e9 bits.")
    achieved_fraction: float = Field(gt=0, le=1, description="Share of the nominal rate that is reached.")
    latency_microseconds: float = Field(ge=0, description="Of one step of an all-reduce.")
    oversubscription_ratio: float = Field(
        1.0, ge=1, description="Capacity of leaf switches downwards over that upwards."
    )


class CommunicationSection(Section):
    """How gradients are summed."""

    algorithm: Algorithm = Field("auto", description="`auto`: the better of ring and double binary tree.")
    overlaps_backward: bool = Field(
        False, description="Whether all-reduces start during backward; gluonlab's start after it."
    )
    fusion_threshold_mebibytes: float = Field(128.0, ge=0, description="Horovod's fusion buffer.")
    cycle_milliseconds: float = Field(1.0, ge=0, description="Horovod's cycle time.")


class InputSection(Section):
    """What a node can feed to its GPUs; a limit left out is none."""

    decoded_images_per_second_per_node: Optional[float] = Field(
        None, gt=0, description="Decoding and augmenting."
    )
    copied_gigabytes_per_second_per_node: Optional[float] = Field(
        None, gt=0, description="From the host to all its GPUs; 1e9 bytes."
    )
    is_prefetched: bool = Field(True, description="Whether the next batch comes while this one is computed.")


class RunSection(Section):
    """What a run costs beside its updates."""

    startup_seconds: float = Field(60.0, ge=0, description="From the command to the first update.")
    checkpoint_seconds: float = Field(2.0, ge=0, description="One checkpoint.")
    validation_overhead_seconds: float = Field(1.0, ge=0, description="One validation beside its images.")


class ClusterFile(Section):
    """A machine that `gluonlab simulate` can be asked about."""

    name: str = Field(description="What to call it in tables.")
    source: str = Field("", description="Where its numbers come from.")
    gpus_per_node: int = Field(ge=1, description="GPUs of a node, or processes of a CPU machine.")
    device: DeviceSection
    inside_node: InsideNode
    network: Optional[Network] = None
    communication: CommunicationSection = CommunicationSection()
    input: InputSection = InputSection()
    compute_noise_fraction: float = Field(
        ge=0, lt=1, description="Standard deviation of the time of a pass over its mean."
    )
    contention_fraction: float = Field(
        0.0,
        ge=0,
        lt=10,
        description="How much longer a pass takes while all GPUs of a node compute, over one alone, as a "
        "fraction.",
    )
    run: RunSection = RunSection()
    dollars_per_gpu_hour: Optional[float] = Field(None, gt=0, description="Price; left out, no cost is told.")

    def _problems(self) -> Iterator[str]:
        batches = Counter((row.model, row.precision, row.batch_images) for row in self.device.throughput)
        for (model, precision, images), count in batches.items():
            if count > 1:
                yield f"device.throughput holds {model} {precision} batch {images} twice"
        if self.device.pass_overhead_milliseconds is None:
            for (model, precision), count in Counter((key[0], key[1]) for key in batches).items():
                if count < 2:
                    yield (
                        f"device.throughput has one batch of {model} in {precision}: add another, or "
                        "device.pass_overhead_milliseconds"
                    )


def load_cluster(path: Path) -> ClusterFile:
    """Read a cluster file, or the shipped one of the name ``path``, with what it ``extends``, and check it.

    Raises:
        ConfigError: with every problem found, each with its key.
    """
    tree, origins = load_tree(find_cluster(path))
    try:
        return ClusterFile.model_validate(tree)
    except ValidationError as error:
        raise ConfigError.from_problems(find_problems(error, ClusterFile, str(path), origins)) from None
