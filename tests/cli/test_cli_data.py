from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from gluonlab.cli.main import app
from gluonlab.data.decode import decode_image
from gluonlab.data.digits import load_digits
from gluonlab.data.packing import encode_png
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.errors import ConfigError, DataError
from tests.data.shard_files import files_of, write_mds, write_tar

GRAY = np.arange(64, dtype=np.uint8).reshape(8, 8, 1)


def run(*arguments, code=0):
    return verb("pack", *arguments, code=code)


def verb(name, *arguments, code=0):
    result = CliRunner().invoke(app, ["data", name, *map(str, arguments)])
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
    assert "1 class that training has not: c" in str(error)
    assert not (tmp_path / "out").exists()


def test_a_split_that_lacks_a_class_is_packed_by_the_numbers_of_training(tmp_path):
    make_folder(tmp_path / "in" / "train", ("a", "b", "c"))
    make_folder(tmp_path / "in" / "val", ("c",))
    result = run(tmp_path / "in", tmp_path / "out")
    assert "warning: no val image of 2 classes of 3: a, b" in result.output
    val = RecordSource(tmp_path / "out" / "val.rec")
    assert (val.labels.tolist(), val.classes) == ([2], ("a", "b", "c"))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["cifar10"], "give --path"),
        (["mnist"], "give --path"),
        (["digits", "--path", "x"], "ships with gluonlab"),
        (["digits", "--split", "x"], "has its own splits"),
        (["folder", "--path", "x"], "not used with the folder"),
        (["digits", "--labels", "x"], "has its own classes"),
        (["digits", "--root", "x"], "not used with digits"),
        (["folder", "--root", "x"], "is used with a list"),
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


def test_a_list_with_class_names(tmp_path):
    make_folder(tmp_path / "in")
    (tmp_path / "names").write_text("b\na\n")
    (tmp_path / "some.lst").write_text("a/1.png\ta\nb/1.png\tb\n")
    run(tmp_path / "some.lst", tmp_path / "out", "--root", tmp_path / "in", "--labels", tmp_path / "names")
    source = RecordSource(tmp_path / "out" / "some.rec")
    assert source.labels.tolist() == [1, 0]
    assert source.classes == ("b", "a")


def test_verify_names_every_bad_record_and_ends_with_3(tmp_path, run_gluonlab, monkeypatch):
    with RecordWriter(tmp_path / "a.rec") as writer:
        for index, payload in enumerate([encode_png(GRAY), b"<html>", encode_png(GRAY), b""]):
            writer.write(pack_image_record(index, index, payload))
    job = run_gluonlab("data", "verify", tmp_path / "a.rec", "--classes", 2)
    assert job.returncode == 3
    told, *lines = job.stderr.splitlines()
    assert told.startswith(f"warning: 1 of 4 images of {tmp_path}/a.rec are in another class as well")
    assert [line.split(" at")[0] for line in lines] == [
        "error[DAT06] a.rec: record 1",
        "error[DAT12] a.rec: record 2: label 2 outside 0..1",
        "error[DAT06] a.rec: record 3",
    ]
    assert "4 records, 3 bad" in job.stdout
    assert (tmp_path / "a.verified.safetensors").exists()


def test_verify_says_what_it_found_as_json(tmp_path):
    run("digits", tmp_path)
    rows = json.loads(verb("verify", tmp_path / "val.rec", "--processes", 2, "--json", "-").stdout)
    assert [(row["records"], row["bad"]) for row in rows] == [(360, [])]
    assert rows[0]["sha256"] == hashlib.sha256((tmp_path / "val.rec").read_bytes()).hexdigest()


def test_stats_of_digits_and_of_their_records(tmp_path):
    run("digits", tmp_path)
    values = [
        json.loads(verb("stats", *arguments, "--json", "-").stdout)
        for arguments in (["digits"], [tmp_path / "train.rec"])
    ]
    for key in ("images", "class_counts", "mean", "std", "height", "width"):
        assert values[0][key] == values[1][key]
    assert values[0]["images"] == 1437
    text = verb("stats", "digits", "--split", "val").stdout
    assert "360 images in 10 classes" in text
    assert "data.mean=[" in text


def test_show_draws_validation_and_epochs(tmp_path, root):
    picture = tmp_path / "grid.png"
    verb("show", root / "configs/digits.yaml", "-o", picture, "--rows", 3, "--columns", 4)
    image = decode_image(picture.read_bytes(), "")
    assert image.shape == (3 * 96 + 2 * 2, 5 * 96 + 4 * 2, 3)
    first = image[:96, :96]
    assert any(not np.array_equal(first, image[:96, 98 * k : 98 * k + 96]) for k in range(1, 5))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "configs/digits.yaml", "-o", "grid.jpg"], "must end in .png"),
        (["show", "configs/digits.yaml", "-o", "none/grid.png"], "no such folder"),
        (["show", "configs/smoke.yaml", "-o", "grid.png"], "synthetic"),
        (["fetch", "imagenet", "out"], "is none of"),
        (["fetch", "mnist", "out", "--archive", "none"], "no such file"),
        (["fetch", "mnist", "out", "--archive", ".", "--address", "x"], "not used with --archive"),
        (["stats", "none"], "no such folder"),
        (["stats", "none.rec"], "no such file"),
        (["stats", "none.npz"], "no such file"),
        (["verify", "none.rec"], "no such file"),
    ],
)
def test_wrong_usage_of_the_other_verbs(arguments, message, root, monkeypatch):
    monkeypatch.chdir(root)
    assert message in str(verb(*arguments, code=1).exception)


def record_file(path, grays, labels):
    with RecordWriter(path) as writer:
        for index, (gray, label) in enumerate(zip(grays, labels)):
            image = np.full((8, 8, 1), gray, np.uint8)
            writer.write(pack_image_record(label, index, encode_png(image)))
    return path


def test_verify_stats_and_pack_tell_of_repeated_images(tmp_path, root, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(root))
    train = record_file(tmp_path / "train.rec", [1, 2, 3, 1], [0, 1, 1, 1])
    val = record_file(tmp_path / "val.rec", [2, 4], [1, 0])
    both = f"1 of 2 images of {val} are in {train} too, such as train.rec: record 1 at byte "
    again = f"warning: 1 of 4 images of {train} are in another class as well"
    measured = verb("stats", train).output
    assert "warning: 1 of 4 images of train.rec are in another class as well" in measured
    verified = verb("verify", train, val).output
    assert both in verified
    assert again in verified
    assert verb("stats", train).output == measured  # by the index, the same
    for name in ("a/1", "a/2", "b/1"):
        (tmp_path / "in/train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "in/train" / f"{name}.png").write_bytes(encode_png(GRAY))
    make_folder(tmp_path / "in/val")
    packed = run(tmp_path / "in", tmp_path / "out").output
    assert "1 of 3 images of train are in another class as well" in packed
    assert "1 of 3 images of train come a second time" in packed
    assert "2 of 2 images of val are in train too" in packed


def test_repeated_numbers_of_a_list_are_told(tmp_path):
    make_folder(tmp_path)
    (tmp_path / "x.lst").write_text("7\t0\ta/1.png\n8\t1\tb/1.png\n7\t1\tb/1.png\n")
    output = run(tmp_path / "x.lst", tmp_path / "out").output
    assert "x.lst: 1 of 3 numbers come a second time, such as 7 of a/1.png and b/1.png" in output
    assert f" data.name=record data.train={tmp_path / 'out/x.rec'} data.classes=2" in output  # x is no key
    assert (tmp_path / "out/x.idx").read_text().split()[::2] == ["0", "1", "2"]


def test_packing_shards_keeps_their_images_and_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    kinds = {"tar": write_tar(tmp_path / "a.tar", files_of(range(5))), "mds": tmp_path / "mds"}
    write_mds(tmp_path / "mds", [files_of(range(3)), files_of(range(3, 5))])
    for kind, where in kinds.items():
        assert "train: 5 images" in run(where, tmp_path / kind).output
        packed = RecordSource(tmp_path / kind / "train.rec")
        assert packed.labels.tolist() == [0, 1, 2, 0, 1]
        assert [packed.encoded(number) for number in range(5)] == [image for image, _ in files_of(range(5))]
        assert "5 images in 3 classes" in verb("stats", where).output
        assert "0 bad" in verb("verify", where).output
    (tmp_path / "x.tar").write_bytes(b"no tar")
    assert "DAT04" in str(error_of(tmp_path / "x.tar", tmp_path / "out"))
    assert not (tmp_path / "out").exists()
