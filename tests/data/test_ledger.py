"""What all processes of a run read together, from processes of their own."""

import hashlib
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

BATCH = 32
SIZES = (101, 3 * BATCH - 1, 3 * BATCH + 1)  # a prime, k * batch - 1, k * batch + 1
EPOCHS = 3
UPDATES = math.ceil(EPOCHS * max(SIZES) / BATCH)


def read_together(folder, processes, first, stop):
    """All that ``processes`` processes read of the updates first to stop - 1, by name in order."""
    files = [folder / f"{processes}-{rank}-{first}.npz" for rank in range(processes)]
    jobs = [
        subprocess.Popen(
            [sys.executable, Path(__file__).with_name("read_share.py"), file, str(rank), str(processes)]
            + [str(number) for number in (first, stop, *SIZES)],
        )
        for rank, file in enumerate(files)
    ]
    assert [job.wait() for job in jobs] == [0] * processes
    arrays = {}
    for file in files:
        with np.load(file, allow_pickle=False) as share:
            assert not arrays.keys() & set(share.files)
            arrays.update({name: share[name] for name in share.files})
    return dict(sorted(arrays.items()))


@pytest.fixture(scope="module")
def interrupted(tmp_path_factory):
    """Two processes, then four, then one, each from where the last ones were stopped."""
    folder = tmp_path_factory.mktemp("ledger")
    arrays = {}
    for processes, first, stop in ((2, 0, 4), (4, 4, 7), (1, 7, UPDATES)):
        arrays.update(read_together(folder, processes, first, stop))
    return arrays


@pytest.mark.parametrize("samples", SIZES)
def test_each_sample_comes_once_in_each_epoch_whatever_interrupts(interrupted, samples):
    names = [
        name[: -len("/labels")] for name in interrupted if name.startswith(f"{samples}/") and "labels" in name
    ]
    labels = np.concatenate([interrupted[f"{name}/labels"] for name in names]).astype(int)
    epochs = np.concatenate([interrupted[f"{name}/epochs"] for name in names])
    assert len(labels) == UPDATES * BATCH
    ledger = Counter(zip(epochs.tolist(), labels.tolist()))
    whole = len(labels) // samples
    assert whole >= EPOCHS
    for epoch in range(whole):
        assert [ledger[epoch, sample] for sample in range(samples)] == [1] * samples
    assert max(ledger.values()) == 1


def test_ten_batches_have_the_same_sha256_on_one_two_and_four_processes(interrupted, tmp_path):
    def digest(arrays):
        first_ten = {name: array for name, array in arrays.items() if int(name.split("/")[1]) < 10}
        assert len(first_ten) == 10 * 4 * 3 * len(SIZES)
        return hashlib.sha256(b"".join(array.tobytes() for array in first_ten.values())).hexdigest()

    digests = {digest(read_together(tmp_path, processes, 0, 10)) for processes in (1, 2, 4)}
    assert digests == {digest(dict(sorted(interrupted.items())))}
