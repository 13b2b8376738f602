import json
import os

import numpy as np
import pytest

from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.verify import read_checkpoint
from gluonlab.errors import CheckpointError

ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([np.nan, -0.0], np.float32)}


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path / "checkpoints")


def save(store, step):
    return store.save(step, {"model": ARRAYS, "optimizer": {}}, {"step": step})


def test_what_is_saved_comes_back_bit_for_bit(store):
    save(store, 5)
    checkpoint = store.latest()
    assert (checkpoint.step, checkpoint.state) == (5, {"step": 5})
    loaded = checkpoint.tensors("model")
    assert {name: array.tobytes() for name, array in loaded.items()} == {
        name: array.tobytes() for name, array in ARRAYS.items()
    }
    assert checkpoint.tensors("optimizer") == {}


def test_the_last_ones_are_kept(store):
    for step in (1, 2, 10, 9):
        save(store, step)
    assert store.steps() == [9, 10]


def test_no_checkpoint_is_no_error(store):
    assert store.latest() is None
    assert store.steps() == []


@pytest.mark.parametrize(
    "name", ["model.safetensors", "optimizer.safetensors", "state.json", "MANIFEST.json"]
)
@pytest.mark.parametrize("damage", ["cut", "flip", "delete", "empty"])
def test_a_damaged_file_is_found_and_the_one_before_is_used(store, name, damage):
    save(store, 1)
    path = save(store, 2) / name
    raw = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
    else:
        if damage == "flip":
            raw[len(raw) // 2] ^= 1
        path.write_bytes({"cut": raw[:-1], "flip": raw, "empty": b""}[damage])
    with pytest.raises(CheckpointError):
        store.load(2)
    assert store.latest().step == 1
    assert store.steps() == [1, 2]  # who only reads changes nothing
    assert store.latest(set_damaged_aside=True).step == 1
    assert store.steps() == [1]
    assert (store.directory / "damaged-step-00000002").is_dir()


def test_an_interrupted_save_is_not_a_checkpoint_and_is_cleaned_up(store, monkeypatch):
    save(store, 1)

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "rename", die)
    with pytest.raises(KeyboardInterrupt):
        save(store, 2)
    monkeypatch.undo()
    assert store.latest().step == 1
    assert len(list(store.directory.iterdir())) == 2
    store.remove_leftovers()
    assert [path.name for path in store.directory.iterdir()] == ["step-00000001"]


def test_a_full_disk_is_one_line_and_leaves_nothing(store, monkeypatch):
    save(store, 1)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CheckpointError, match=r"error\[CKP01\] .*No space left") as caught:
        save(store, 2)
    assert "\n" not in str(caught.value)
    assert [path.name for path in store.directory.iterdir()] == ["step-00000001"]


def test_a_newer_format_is_refused(store):
    path = save(store, 1)
    manifest = json.loads((path / "MANIFEST.json").read_text())
    (path / "MANIFEST.json").write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        read_checkpoint(path)


def test_a_manifest_cannot_point_out_of_its_directory(store, tmp_path):
    path = save(store, 1)
    (tmp_path / "secret").write_bytes(b"x")
    manifest = json.loads((path / "MANIFEST.json").read_text())
    manifest["files"]["../../secret"] = {"bytes": 1, "sha256": "0"}
    (path / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(CheckpointError, match="step-00000001/secret"):
        read_checkpoint(path)


def test_checkpoints_are_private(store):
    path = save(store, 1)
    assert path.stat().st_mode & 0o077 == 0
    assert (path / "model.safetensors").stat().st_mode & 0o077 == 0
