import time
from collections import Counter

import numpy as np
import pytest

from gluonlab.data.sampler import PADDING, Sampler, evaluation_requests
from gluonlab.epochs import Epochs


def stream(sampler, steps):
    batches = [sampler.global_batch(step) for step in range(steps)]
    return np.concatenate([b.indices for b in batches]), np.concatenate([b.epochs for b in batches])


@pytest.mark.parametrize("samples", [97, 3 * 32 - 1, 3 * 32, 3 * 32 + 1])
def test_every_sample_comes_exactly_once_in_each_epoch(samples):
    sampler = Sampler(Epochs(samples, 32), seed=1)
    indices, epochs = stream(sampler, steps=samples)  # samples * 32 places are 32 whole epochs
    for epoch in range(32):
        assert Counter(indices[epochs == epoch].tolist()) == Counter(range(samples))


def test_drop_leaves_out_the_rest_of_each_epoch():
    sampler = Sampler(Epochs(10, 4, "drop"), seed=1)
    indices, epochs = stream(sampler, steps=6)
    assert epochs.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert all(len(set(indices[epochs == epoch].tolist())) == 8 for epoch in range(3))


def test_any_step_can_be_asked_for_first():
    fresh, used = Sampler(Epochs(1001, 64), seed=3), Sampler(Epochs(1001, 64), seed=3)
    for step in range(40):
        used.global_batch(step)
    assert np.array_equal(fresh.global_batch(40).indices, used.global_batch(40).indices)


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_processes_share_an_update_without_changing_it(processes):
    sampler = Sampler(Epochs(100, 32), seed=0)
    per_process = 8 // processes
    shares = [
        [r.indices for r in sampler.requests(2, 3, 4, range(rank * per_process, (rank + 1) * per_process))]
        for rank in range(processes)
    ]
    together = np.concatenate([indices for share in shares for indices in share])
    assert np.array_equal(together, sampler.global_batch(2).indices)


def test_seeking_at_imagenet_size_takes_less_than_a_second():
    seconds = []
    for _ in range(3):  # the best of three, for other work may share the machine
        start = time.perf_counter()
        Sampler(Epochs(1_281_167, 32_768), seed=0).global_batch(3000)
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 1.0


@pytest.mark.parametrize(("samples", "size"), [(1, 2), (1, 4), (3, 4), (7, 2), (360, 4), (5, 8)])
def test_validation_gives_each_sample_to_one_process(samples, size):
    seen = [
        index
        for rank in range(size)
        for request in evaluation_requests(samples, 4, rank, size)
        for index in request.indices.tolist()
    ]
    assert sorted(index for index in seen if index != PADDING) == list(range(samples))
    assert len(seen) % 4 == 0


@pytest.mark.parametrize(("repeats", "batch"), [(2, 8), (3, 8), (3, 9), (4, 6)])
def test_a_repeated_sample_comes_so_many_times_in_so_many_epochs_each_drawn_anew(repeats, batch):
    sampler = Sampler(Epochs(24, batch), seed=1, repeats=repeats)
    indices, draws = stream(sampler, steps=repeats * 24 // batch)
    assert Counter(indices.tolist()) == dict.fromkeys(range(24), repeats)
    assert len(set(zip(indices, draws))) == repeats * 24
    assert set(draws) == set(range(repeats))


def test_copies_of_a_sample_are_in_one_batch_and_in_different_virtual_workers():
    sampler = Sampler(Epochs(48, 12), seed=1, repeats=3)
    batch = sampler.global_batch(0).indices
    assert Counter(Counter(batch.tolist()).values()) == {3: 4}
    for worker in range(3):
        assert len(set(batch[worker * 4 : worker * 4 + 4])) == 4


def test_a_batch_that_grows_still_sees_each_sample_once_in_each_epoch():
    sampler = Sampler(Epochs(30, 4, changes=((1.2, 7), (2.5, 9))), seed=1)
    indices, epochs = stream(sampler, steps=20)
    for epoch in range(4):
        assert Counter(indices[epochs == epoch].tolist()) == Counter(range(30))
