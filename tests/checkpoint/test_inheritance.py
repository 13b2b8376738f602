"""What a start leaves to the next: written, found, and refused where it is not what was left."""

import errno
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gluonlab.checkpoint import inheritance
from gluonlab.checkpoint.inheritance import Inheritance, keep, leave, older, places, read, remove
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.errors import CheckpointError

TENSORS = {"model": {"weight": np.arange(6, dtype=np.float32).reshape(2, 3)}, "optimizer": {}}


@pytest.fixture
def run_dir(tmp_path, monkeypatch):
    memory = tmp_path / "memory"
    memory.mkdir()
    monkeypatch.setattr(inheritance, "MEMORY", memory)
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def left_in(run_dir, start=1, step=45):
    return leave(run_dir, "job", start, 2, TENSORS, {"step": step})


def test_what_is_left_is_a_checkpoint_in_memory_that_its_name_in_the_environment_leads_to(run_dir):
    left = left_in(run_dir)
    assert Path(left.path).is_relative_to(inheritance.MEMORY)
    checkpoint = read(Inheritance.from_text(left.to_text()), "job")
    assert checkpoint.step == 45
    np.testing.assert_array_equal(checkpoint.tensors("model")["weight"], TENSORS["model"]["weight"])
    assert not list(run_dir.iterdir())


def test_without_room_in_memory_it_is_in_the_folder_of_the_run(run_dir):
    inheritance.MEMORY.rmdir()
    inheritance.MEMORY.write_text("a file: nothing can be made in it")
    left = left_in(run_dir)
    assert Path(left.path).is_relative_to(run_dir)
    assert read(left, "job").step == 45


def test_nothing_but_what_was_left_is_read(run_dir):
    left = left_in(run_dir)
    for other in (replace(left, sha256="0" * 64), replace(left, start=2), replace(left, step=44)):
        with pytest.raises(CheckpointError, match=r"CKP03.*is not what the start before has left"):
            read(other, "job")
    with pytest.raises(CheckpointError, match="CKP03"):
        read(left, "another job")
    weights = Path(left.path) / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[-1] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"CKP03.*SHA-256"):
        read(left, "job")


def test_what_older_starts_left_is_found_and_removed(run_dir):
    first, second = left_in(run_dir, start=1), left_in(run_dir, start=2, step=60)
    assert older(run_dir, but=second) == [Path(first.path).parent]
    remove(older(run_dir, but=second)[0])
    assert older(run_dir, but=second) == []
    assert older(run_dir, but=None) == [Path(second.path).parent]
    remove(older(run_dir, but=None)[0])
    assert not any(place.exists() for place in places(run_dir))
    assert older(run_dir.parent / "another", but=None) == []


def test_what_is_left_to_nobody_becomes_a_checkpoint_and_none_goes_for_it(run_dir):
    store = CheckpointStore(run_dir / "checkpoints")
    for step in (30, 40):
        store.save(step, TENSORS, {"step": step})
    keep(left_in(run_dir), run_dir)
    assert store.steps() == [30, 40, 45]
    np.testing.assert_array_equal(store.latest().tensors("model")["weight"], TENSORS["model"]["weight"])


def test_who_can_write_nowhere_says_so(run_dir, monkeypatch):
    def no_space(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("gluonlab.checkpoint.store.write_durably", no_space)
    with pytest.raises(CheckpointError, match=r"CKP01.*No space left"):
        left_in(run_dir)
    assert older(run_dir, but=None) == []
