from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from gluonlab.cli.main import app
from gluonlab.data.digits import load_digits
from gluonlab.data.packing import encode_png
from gluonlab.data.record_source import RecordSource
from gluonlab.errors import ConfigError, DataError

GRAY = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)


def run(*arguments, code=0):
    result = CliRunner().invoke(app, ["data", "pack", *map(str, arguments)])
    assert result.exit_code == code, result.output
    return result


def error_of(*arguments):
    return run(*arguments, code=1).exception


def make_folder(root, classes=("a", "b")):
    for name in classes:
        (root / name).mkdir(parents=True)
        (root / name / "1.png").write_bytes(encode_png(GRAY))
    return root


def test_digits(tmp_path):
    output = run("digits", tmp_path).output
    assert "train: 1437 images" in output
    assert f"data.train={tmp_path}/train.rec data.val={tmp_path}/val.rec data.classes=10" in output
    val, packed = load_digits("val"), RecordSource(tmp_path / "val.rec")
    assert packed.classes == val.classes
    assert all(np.array_equal(packed.image(i), val.image(i)) for i in range(len(val)))


def test_json_is_all_there_is_on_stdout(tmp_path):
    rows = json.loads(run("digits", tmp_path, "--json", "-").stdout)
    assert [(row["split"], row["records"], row["classes"]) for row in rows] == [
        ("train", 1437, 10),
        ("val", 360, 10),
    ]
    assert rows[0]["bytes"] == (tmp_path / "train.rec").stat().st_size


def test_folder_of_classes_with_a_name(tmp_path):
    run(make_folder(tmp_path / "in"), tmp_path / "out", "--split", "test", "--resize", 4, "--threads", 1)
    source = RecordSource(tmp_path / "out" / "test.rec")
    assert source.image(1).shape == (4, 4, 1)
    assert source.classes == ("a", "b")


def test_folder_of_splits(tmp_path):
    for split in ("train", "val"):
        make_folder(tmp_path / "in" / split)
    run(tmp_path / "in", tmp_path / "out", "--encoding", "jpeg", "--quality", 80)
    assert (
        len(RecordSource(tmp_path / "out" / "train.rec"))
        == len(RecordSource(tmp_path / "out" / "val.rec"))
        == 2
    )


def test_splits_of_different_classes(tmp_path):
    make_folder(tmp_path / "in" / "train", ("a", "b"))
    make_folder(tmp_path / "in" / "val", ("a", "c"))
    error = error_of(tmp_path / "in", tmp_path / "out")
    assert isinstance(error, DataError)
    assert "different classes: b, c" in str(error)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cifar10"], "give --path"),
        (["mnist"], "give --path"),
        (["digits", "--path", "x"], "ship with gluonlab"),
        (["digits", "--split", "x"], "has its own splits"),
        (["folder", "--path", "x"], "not used with the folder"),
        (["folder", "--split", "../x"], "is not a file name"),
        (["digits", "--encoding", "gif"], "none of png, jpeg, keep"),
        (["digits", "--encoding", "keep"], "no image files to keep"),
    ],
)
def test_wrong_usage(tmp_path, arguments, message):
    error = error_of(arguments[0], tmp_path / "out", *arguments[1:])
    assert isinstance(error, ConfigError)
    assert message in str(error)


def test_missing_source(tmp_path):
    assert "DAT01" in str(error_of(tmp_path / "none", tmp_path / "out"))
    assert "DAT01" in str(error_of("cifar100", tmp_path / "out", "--path", tmp_path / "none"))
