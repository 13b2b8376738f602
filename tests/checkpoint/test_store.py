import errno
import json
import os
import shutil

import numpy as np
import pytest

from gluonlab import fault_injection
from gluonlab.checkpoint.store import CheckpointStore
from gluonlab.checkpoint.verify import DamagedError, UnreadableError, read_checkpoint
from gluonlab.errors import CheckpointError

ARRAYS = {"a.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([np.nan, -0.0], np.float32)}


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setattr("gluonlab.retry.PAUSES", (0.0, 0.0, 0.0))
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
    hurt(save(store, 2) / name, damage)
    with pytest.raises(CheckpointError):
        store.load(2)
    assert store.latest().step == 1
    names = {path.name for path in store.directory.iterdir()}
    assert names == {"step-00000001", "step-00000002"}  # who only reads changes nothing
    assert store.steps() == [1]
    store.set_damaged_aside()
    is_damaged = damage != "delete"  # what is missing may come back
    assert (store.directory / "damaged-step-00000002").is_dir() == is_damaged
    assert (store.directory / "step-00000002").is_dir() != is_damaged
    save(store, 2)
    assert store.latest().step == 2
    assert (store.directory / "damaged-step-00000002").is_dir()


def hurt(path, damage):
    raw = bytearray(path.read_bytes())
    if damage == "delete":
        path.unlink()
        return
    if damage == "flip":
        raw[len(raw) // 2] ^= 1
    path.write_bytes({"cut": raw[:-1], "flip": raw, "empty": b""}[damage])


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("model.safetensors", "flip", "model.safetensors content differs from what was written (SHA-256)"),
        ("model.safetensors", "delete", "model.safetensors is not there"),
        ("MANIFEST.json", "delete", "has no MANIFEST.json"),
        ("MANIFEST.json", "empty", "damaged manifest or state: "),
    ],
)
def test_if_none_is_good_each_reason_is_told_and_nothing_is_changed(store, name, damage, reason):
    for step in (1, 2):
        hurt(save(store, step) / name, damage)
    for _ in range(2):
        with pytest.raises(CheckpointError, match=r"error\[CKP04\].*--start-over") as caught:
            store.latest()
        assert str(caught.value).count(reason) == 2
        assert str(caught.value).index("step-00000002") < str(caught.value).index("step-00000001")
        assert sorted(path.name for path in store.directory.iterdir()) == ["step-00000001", "step-00000002"]


def test_of_many_bad_ones_the_newest_are_named_and_the_others_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("gluonlab.retry.PAUSES", ())
    store = CheckpointStore(tmp_path, keep=50)
    for step in range(1, 8):
        hurt(save(store, step) / "state.json", "flip")
    with pytest.raises(CheckpointError, match=r"step-00000007/state\.json .* and 3 more; restore"):
        store.latest()


def test_what_an_earlier_start_set_aside_is_no_empty_store(store):
    os.rename(save(store, 1), store.directory / "damaged-step-00000001")
    with pytest.raises(CheckpointError, match=r"CKP04.*damaged-step-00000001 was set aside"):
        store.latest()


@pytest.mark.parametrize("number", ["eacces", "eio", "estale"])
def test_what_cannot_be_read_is_not_damaged_and_nothing_older_takes_its_place(store, number):
    save(store, 1)
    save(store, 2)
    arm(f"checkpoint.read:0:1+:{number}")
    with pytest.raises(
        UnreadableError, match=r"CKP05.*step-00000002/MANIFEST\.json cannot be read"
    ) as caught:
        store.latest()
    assert os.strerror(getattr(errno, number.upper())) in str(caught.value)
    arm("")
    assert store.latest().step == 2


@pytest.mark.parametrize("number", ["eio", "estale", "enoent"])
def test_a_failure_that_passes_costs_nothing(store, number):
    save(store, 1)
    save(store, 2)
    arm(f"checkpoint.read:0:2:{number}")
    assert store.latest().step == 2
    arm("")


def test_a_checkpoint_that_is_removed_between_listing_and_reading_is_passed_over(store, monkeypatch):
    save(store, 1)
    save(store, 2)
    load = store.load

    def load_late(step):
        if step == 2:
            shutil.rmtree(store.path_of(2), ignore_errors=True)
            save(store, 3)  # the run that writes here has gone on
        return load(step)

    monkeypatch.setattr(store, "load", load_late)
    assert store.latest().step == 3


def test_the_best_checkpoint_is_not_removed_while_its_score_cannot_be_read(store):
    for step, score in ((1, 0.9), (2, 0.1), (3, 0.2)):
        store.save(step, {"model": ARRAYS}, {"step": step}, score)
    arm("checkpoint.read:0:1:eio")
    store.save(4, {"model": ARRAYS}, {"step": 4}, 0.3)
    arm("")
    assert 1 in store.steps()
    store.save(5, {"model": ARRAYS}, {"step": 5}, 0.3)
    assert store.steps() == [1, 4, 5]


def arm(text):
    fault_injection.arm(0, environment={fault_injection.VARIABLE: text})


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
    with pytest.raises(UnreadableError, match="has format 99, this version reads 1"):
        read_checkpoint(path)


@pytest.mark.parametrize("name", ["../../secret", "..", "/etc/x.json", "x" * 300 + ".json", "a\0.json", ""])
def test_a_manifest_cannot_point_out_of_its_directory(store, tmp_path, name):
    path = save(store, 1)
    (tmp_path / "secret").write_bytes(b"x")
    manifest = json.loads((path / "MANIFEST.json").read_text())
    manifest["files"][name] = {"bytes": 1, "sha256": "0"}
    (path / "MANIFEST.json").write_text(json.dumps(manifest))
    with pytest.raises(DamagedError, match=r"names .* no file of a checkpoint"):
        read_checkpoint(path)


def test_checkpoints_are_private(store):
    path = save(store, 1)
    assert path.stat().st_mode & 0o077 == 0
    assert (path / "model.safetensors").stat().st_mode & 0o077 == 0
