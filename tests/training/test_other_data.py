"""A run goes on with the images that it began with, and says what is not known of a checkpoint of old."""

import hashlib
import json
import shutil

import cv2
import numpy as np
import pytest

from gluonlab.data.recordio import RecordWriter, pack_image_record

NAMES = ("cat", "dog")
LABELS = np.repeat([0, 1], 24)
RUN = [
    "configs/digits.yaml", "data.classes=2", "global_batch_size=8", "worker_batch_size=8", "epochs=2",
    "schedule.warmup_epochs=0", "cpu_threads=1", "checkpoint_every=3steps", "tensorboard=false",
]  # fmt: skip


def write_records(path, seed):
    pixels = np.random.RandomState(seed).randint(0, 256, (48, 8, 8), np.uint8)
    with RecordWriter(path) as writer:
        for number, (label, image) in enumerate(zip(LABELS, pixels)):
            writer.write(pack_image_record(int(label), number, cv2.imencode(".bmp", image)[1].tobytes()))
    path.with_suffix(".classes.txt").write_text("\n".join(NAMES))


def write_folder(root, seed):
    pixels = np.random.RandomState(seed).randint(0, 256, (48, 8, 8), np.uint8)
    for number, (label, image) in enumerate(zip(LABELS, pixels)):
        file = root / NAMES[label] / f"{number}.bmp"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), image)


def swap(root):
    for old, new in (("cat", "x"), ("dog", "cat"), ("x", "dog")):
        (root / old).rename(root / new)


def write_npz(path, seed):
    pixels = np.random.RandomState(seed).randint(0, 256, (48, 8, 8), np.uint8)
    np.savez(path, images=pixels, labels=LABELS, classes=np.array(NAMES))


def killed(run_gluonlab, run_dir, *settings):
    arguments = [*RUN, f"run_dir={run_dir}", *settings]
    assert (
        run_gluonlab("train", *arguments, environment={"GLUONLAB_FAULT": "step:0:8:kill9"}).returncode == -9
    )
    return arguments


@pytest.fixture
def of_records(run_gluonlab, tmp_path):
    """The arguments of a killed run of ``train.rec`` and ``val.rec``."""
    for seed, name in enumerate(("train.rec", "val.rec")):
        write_records(tmp_path / name, seed)
    files = [f"data.{split}={tmp_path / split}.rec" for split in ("train", "val")]
    return killed(run_gluonlab, tmp_path / "run", "data.name=record", *files)


@pytest.mark.parametrize("split", ["train", "val"])
def test_records_packed_anew_are_refused_and_allowed_by_name(run_gluonlab, of_records, tmp_path, split):
    write_records(tmp_path / f"{split}.rec", seed=7)
    state = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.json*")}
    verb = ["train"] if split == "train" else ["launch", "-n", 1]
    job = run_gluonlab(*verb, *of_records)
    assert job.returncode == 4, job.stderr
    assert (
        f"data.{split}: has other images behind the same 48 labels: 48 of 48 parts of {split}.rec"
        in job.stderr
    )
    assert job.stderr.count("\n") == 1
    assert state == {path: path.read_bytes() for path in (tmp_path / "run").rglob("*.json*")}
    assert run_gluonlab("train", *of_records, "--allow-change", "optimizer").returncode == 4
    job = run_gluonlab("train", *of_records, "--allow-change", "data")
    assert job.returncode == 0, job.stderr
    assert "resumed from" in job.stdout


def test_class_folders_that_change_places_are_refused(run_gluonlab, tmp_path):
    for seed, name in enumerate(("train", "val")):
        write_folder(tmp_path / name, seed)
    files = [f"data.{split}={tmp_path / split}" for split in ("train", "val")]
    arguments = killed(run_gluonlab, tmp_path / "run", "data.name=folder", *files)
    swap(tmp_path / "train")
    job = run_gluonlab("train", *arguments)
    assert job.returncode == 4, job.stderr
    assert (
        "data.train: has other images behind the same 48 labels: 48 of 48 parts of train differ" in job.stderr
    )
    (tmp_path / "train/cat").rename(tmp_path / "train/wolf")
    shutil.rmtree(tmp_path / "val")
    shutil.copytree(tmp_path / "train", tmp_path / "val")
    job = run_gluonlab("train", *arguments)
    assert "data.class_names: class 0 was 'cat', now 'dog', class 1 was 'dog', now 'wolf'" in job.stderr


def test_arrays_with_other_pixels_are_refused(run_gluonlab, tmp_path):
    for seed, name in enumerate(("train.npz", "val.npz")):
        write_npz(tmp_path / name, seed)
    files = [f"data.{split}={tmp_path / split}.npz" for split in ("train", "val")]
    arguments = killed(run_gluonlab, tmp_path / "run", "data.name=npz", *files)
    write_npz(tmp_path / "val.npz", seed=7)
    job = run_gluonlab("train", *arguments)
    assert job.returncode == 4
    assert "data.val: has other images behind the same 48 labels" in job.stderr


def test_a_checkpoint_of_an_earlier_version_is_continued(run_gluonlab, of_records, tmp_path):
    """As versions before wrote it: a digest of the labels beside the recipe, and nothing else of the data."""
    digest = hashlib.sha256(LABELS.astype("<i8").tobytes()).hexdigest()[:16]
    for path in (tmp_path / "run/checkpoints").glob("step-*/state.json"):
        state = json.loads(path.read_text())
        recipe = state["identity"]["recipe"]
        state["identity"] = {"recipe": recipe, "train_labels": digest, "val_labels": digest}
        path.write_text(json.dumps(state))
        manifest = json.loads((path.parent / "MANIFEST.json").read_text())
        raw = path.read_bytes()
        manifest["files"]["state.json"] = {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
        (path.parent / "MANIFEST.json").write_text(json.dumps(manifest))
    job = run_gluonlab("train", *of_records)
    assert job.returncode == 0, job.stderr
    assert "resumed from" in job.stdout
    unknown = "the images of data.train and the images of data.val and the names of classes"
    assert f"is of an earlier version: whether {unknown} are the same is not known" in job.stderr
