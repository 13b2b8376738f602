"""Virtual workers: the recipe's number of workers W, run by however many processes there are.

Each process plays W / P of them one after another and the update is that of W real workers: BatchNorm
normalises each worker's micro-batch by its own statistics, gradients add up over all of them, and the
running statistics advance once per update, by the mean over all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, Literal, NamedTuple, Optional

from gluonlab import arrays as libraries
from gluonlab.arrays.parameters import Net, block_of, parameters_of
from gluonlab.parallel.accumulation import Accumulator, PairwiseTree, RunningSum
from gluonlab.parallel.gradient_noise import GradientNoise
from gluonlab.parallel.graph_randomness import draws_random_numbers, seed_mxnet, seed_of
from gluonlab.parallel.running_statistics import find_running_statistics
from gluonlab.parallel.shares import workers_of_process
from gluonlab.parallel.waiting import WaitingTime
from gluonlab.parallel.world import World


class Wishes(NamedTuple):
    """Yes or no: what processes wish all of them to do; it travels with the gradients."""

    stop: bool
    save: bool


class VirtualWorkers:
    """The share of this process in the W workers of a network that is initialised.

    ``micro_steps`` forward and backward passes make one update. ``deterministic`` sums in pairs, so that
    the bits of the result do not depend on the number of processes; ``micro_steps`` must then be a power
    of two. ``wire_dtype`` is the type that gradients are rounded to, as the mean over workers, before
    processes add them up. ``gradients`` belong to the trained parameters ``names``. Every ``noise_every``
    updates (0: never) their noise is measured, if there are several workers. ``wishes``, how many
    processes have each of `Wishes`, is added up beside the gradients; see `agreement.Agreement`. If the
    network draws anything, ``seed_network``, by default the seed of MXNet's generator, gets a number of
    (seed, step, worker) before each pass.
    """

    def __init__(
        self,
        net: Net,
        world: World,
        global_batch_size: int,
        worker_batch_size: int,
        *,
        deterministic: bool = False,
        wire_dtype: Literal["float32", "float16"] = "float32",
        seed: int = 0,
        noise_every: int = 0,
        seed_network: Optional[Callable[[int], None]] = None,
    ) -> None:
        self.count = global_batch_size // worker_batch_size
        self.mine = workers_of_process(self.count, world.rank, world.size, deterministic=deterministic)
        self.micro_steps = len(self.mine)
        self.global_batch_size = global_batch_size
        self.worker_batch_size = worker_batch_size
        self._world = world
        self._seed = seed
        self._deterministic = deterministic
        parameters = parameters_of(net)
        self.names = [name for name in parameters if parameters[name].grad_req != "null"]
        self.gradients = [parameters[name].grad() for name in self.names]
        self._library = libraries.of(self.gradients[0])
        accumulator = PairwiseTree if deterministic else RunningSum
        self._sum: Accumulator = accumulator(self.gradients, self.micro_steps)
        self.statistics = (
            find_running_statistics(net, self.micro_steps, deterministic=deterministic)
            if self.count > 1
            else None
        )
        is_rounded = wire_dtype != "float32"
        self._on_wire = self._library.cast(self.gradients, wire_dtype) if is_rounded else []
        self.wishes = self._library.zeros((len(Wishes._fields),), self.gradients[0], wire_dtype)
        self.draws_random_numbers = draws_random_numbers(block_of(net))
        self._seed_network = seed_network or partial(seed_mxnet, self.gradients[0].context)
        self._noise_every = noise_every if self.count > 1 else 0
        self._noise = (
            GradientNoise(self.gradients, world, self.count, worker_batch_size) if self._noise_every else None
        )
        self._measures_noise = False
        self._waiting = WaitingTime(world.progress) if world.size > 1 else None

    def turns(self, step: int) -> Iterator[int]:
        """The workers of this process, one after another; each must run forward and backward once."""
        self._sum.start()
        self._measures_noise = self._noise_every > 0 and step % self._noise_every == 0
        if self._noise and self._measures_noise:
            self._noise.start()
        if self.statistics:
            self.statistics.remember()
        for worker in self.mine:
            if self.draws_random_numbers:
                self._seed_network(seed_of(self._seed, step, worker))
            yield worker
            if self._noise and self._measures_noise:
                self._noise.add_worker()
            if self.micro_steps > 1:
                self._sum.add()
            if self.statistics:
                self.statistics.collect()

    @cached_property
    def summed(self) -> list[Any]:
        """What an update adds up over all processes."""
        return [self.wishes, *self.gradients, *([self.statistics.total] if self.statistics else [])]

    def reduce(self, when_summed: Optional[Callable[[Sequence[Any]], object]] = None) -> None:
        """Leave the gradient's sum over all samples of the update, and the mean running statistics.

        ``when_summed`` is told of the arrays that are added up before anything is changed by them.
        """
        if self._waiting:
            self._waiting.before_sums(self.gradients[0])
        if self.statistics:
            self._sum_up([self.statistics.total], "statistics")  # they are there before the gradients
        if self._on_wire:
            self._library.copy([gradient / self.count for gradient in self.gradients], self._on_wire)
        # backward finishes the last gradients first, so what is there already goes to the front
        self._sum_up([self.wishes, *(self._on_wire or self.gradients)], "gradients")
        if self._waiting:
            self._waiting.after_sums((self._on_wire or self.gradients)[0])
        if self._on_wire:
            self._library.copy(self._on_wire, self.gradients)
            self._library.scaled(self.gradients, self.count, out=self.gradients)
        if when_summed:
            when_summed(self.summed)
        if self.statistics:
            self.statistics.advance(self.count)
        if self._noise and self._measures_noise:
            self._noise.add_update()

    def gradient_noise(self) -> dict[str, float]:
        """`GradientNoise.compute` of the updates since the last call; empty if none was measured."""
        return self._noise.compute() if self._noise else {}

    def reduce_statistics(self) -> None:
        """Leave the mean running statistics alone."""
        if self.statistics:
            self._sum_up([self.statistics.total], "statistics")
            self.statistics.advance(self.count)

    def _sum_up(self, arrays: Sequence[Any], name: str) -> None:
        sum_up = self._world.sum_in_pairs if self._deterministic else self._world.sum
        sum_up(arrays, name)
