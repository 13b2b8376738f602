"""Several record files as one split, and indexes that list some of their records."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from gluonlab.data.identity import identity_of
from gluonlab.data.packing import encode_png
from gluonlab.data.record_files import record_files
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.data.verified_source import open_verified
from gluonlab.errors import DataError

COUNTS = {"train-00.rec": 3, "train-01.rec": 1, "train-02.rec": 4}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, root):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(root))


def image_of(number):
    return np.full((4, 4, 1), 10 * number, np.uint8)


def write(path, numbers, payload=None):
    path.parent.mkdir(exist_ok=True)
    with RecordWriter(path) as writer:
        for number in numbers:
            writer.write(pack_image_record(number % 2, number, payload or encode_png(image_of(number))))
    return path


@pytest.fixture
def shards(tmp_path):
    """Eight images in three files."""
    first = 0
    for name, count in COUNTS.items():
        write(tmp_path / "shards" / name, range(first, first + count))
        first += count
    return tmp_path / "shards"


def test_a_list_a_folder_and_a_pattern_name_the_same_files(shards):
    files = [shards / name for name in COUNTS]
    (shards / "train-03.rec").mkdir()
    (shards / "notes.txt").touch()
    for where in (str(shards), f"{shards}/train-*.rec", [str(path) for path in files]):
        assert record_files(where) == files
    assert record_files(f"{shards}/train-01.rec") == [files[1]]
    for where in (f"{shards}/val-*.rec", f"{shards}/train-03.rec"):
        with pytest.raises(DataError, match="DAT01"):
            record_files(where)


def test_shards_are_read_one_after_another(shards, tmp_path):
    whole = open_verified("record", [write(tmp_path / "whole.rec", range(8))], 2)
    source = open_verified("record", record_files(str(shards)), 2)
    assert source.name == "train-00.rec and 2 more"
    assert (len(source), source.is_verified, source.labels.tolist()) == (8, True, [0, 1] * 4)
    for number in range(8):
        assert np.array_equal(source.image(number), image_of(number))
        assert source.encoded(number) == whole.encoded(number)
    assert [source.where(number).split(" at")[0] for number in (2, 3, 4)] == [
        "train-00.rec: record 2",
        "train-01.rec: record 0",
        "train-02.rec: record 0",
    ]
    assert source.digests.tolist() == whole.digests.tolist()
    assert identity_of(source)["parts"] == identity_of(whole)["parts"]


def test_classes_of_shards_meet_by_name(shards):
    (shards / "train-00.classes.txt").write_text("ant\nbee\n")
    (shards / "train-01.classes.txt").write_text("ant\nbee\n")
    (shards / "train-02.classes.txt").write_text("bee\nant\n")
    source = open_verified("record", record_files(str(shards)), 2)
    assert (source.classes, source.labels.tolist()) == (("ant", "bee"), [0, 1, 0, 1, 1, 0, 1, 0])
    assert open_verified("record", record_files(str(shards)), 2, class_names=("bee", "ant")).labels[0] == 1


def test_bad_records_of_shards_are_named_counted_and_left_out_together(shards):
    write(shards / "train-01.rec", [3], b"<html>")
    write(shards / "train-02.rec", [4, 7, 6, 5], None)
    content = (shards / "train-02.rec").read_bytes()
    (shards / "train-02.rec").write_bytes(content[:-8])
    with pytest.raises(DataError) as caught:
        open_verified("record", record_files(str(shards)), 2)
    assert [str(problem).split(" at")[0] for problem in caught.value.problems] == [
        "error[DAT06] train-01.rec: record 0",
        "error[DAT04] train-02.rec: record 3",
    ]
    with pytest.raises(DataError, match=r"DAT41\].*train-00.rec and 2 more: 2 of 8 records are bad"):
        open_verified("record", record_files(str(shards)), 2, 0.2)
    source = open_verified("record", record_files(str(shards)), 2, 0.25)
    assert [int(source.image(index)[0, 0, 0]) // 10 for index in range(6)] == [0, 1, 2, 4, 7, 6]
    assert json.loads((shards / "train-01.bad.jsonl").read_text())["record"] == 0
    assert not (shards / "train-00.bad.jsonl").exists()


def test_a_partial_index_chooses_records_and_is_told(shards):
    index = shards / "train-02.idx"
    whole = index.read_text()
    index.write_text("".join(whole.splitlines(keepends=True)[::2]))
    (warning,) = RecordSource(shards / "train-02.rec").warnings
    assert warning == "train-02.idx lists 2 records, 50.0% of train-02.rec; the others are left out"
    source = open_verified("record", record_files(str(shards)), 2)
    assert [int(source.image(index)[0, 0, 0]) // 10 for index in range(6)] == [0, 1, 2, 3, 4, 6]
    assert source.warnings == [warning]
    index.write_text(whole)  # another index is another choice
    source = open_verified("record", record_files(str(shards)), 2)
    assert (len(source), source.warnings) == (8, [])
    index.unlink()  # all of them were verified
    assert len(open_verified("record", record_files(str(shards)), 2)) == 8


def test_verified_shards_may_be_copied_without_their_text_indexes(shards, tmp_path, monkeypatch):
    open_verified("record", record_files(str(shards)), 2)
    monkeypatch.setattr("gluonlab.data.verification.verify.verify", None)
    shutil.copytree(shards, tmp_path / "copy", ignore=shutil.ignore_patterns("*.idx"))
    assert len(open_verified("record", record_files(str(tmp_path / "copy")), 2)) == 8


def test_a_run_reads_shards_from_another_folder_too(shards, tmp_path, run_gluonlab):
    write(tmp_path / "val.rec", range(8, 12))
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "data: {name: record, image_size: 8, classes: 2, channels: 1, mean: [0.0], std: [1.0]}\n"
        "model: {name: small_resnet8}\nglobal_batch_size: 4\nepochs: 1\n"
        "schedule: {name: constant, base_lr: 0.01}\ntensorboard: false\ncpu_threads: 1\n"
    )
    for number, train in enumerate(
        ("shards", "shards/train-*.rec", "[shards/train-00.rec, shards/train-02.rec]")
    ):
        run_dir = f"run_dir={tmp_path}/run{number}"
        job = run_gluonlab("train", recipe, f"data.train={train}", "data.val=val.rec", run_dir, cwd=tmp_path)
        assert job.returncode == 0, job.stderr
        assert ("1 step" if number == 2 else "2 steps") in job.stdout
    assert run_gluonlab("evaluate", tmp_path / "run2", "data.train=null").returncode == 2
    assert run_gluonlab("evaluate", tmp_path / "run2").returncode == 0
    refused = run_gluonlab(
        "train", recipe, "data.name=folder", "data.train=[a, b]", "data.val=c", cwd=tmp_path
    )
    assert "error[CFG06]" in refused.stderr
    assert "data.train: should be a valid string" in refused.stderr
    told = run_gluonlab("data", "stats", "shards", cwd=tmp_path)
    assert "8 images in 2 classes" in told.stdout
    verified = run_gluonlab("data", "verify", "shards", "val.rec", cwd=tmp_path)
    assert [line.split(",")[0] for line in verified.stdout.splitlines()] == [
        "shards/train-00.rec: 3 records",
        "shards/train-01.rec: 1 records",
        "shards/train-02.rec: 4 records",
        "val.rec: 4 records",
    ]
