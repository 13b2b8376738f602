"""Data that is damaged before a job of two processes or while it runs: the record is named, the run goes on once it is mended."""

import re
import shutil

import cv2
import pytest

from gluonlab.data.digits import load_digits
from gluonlab.data.recordio import RecordReader, RecordWriter, pack_image_record
from tests.faults.harness import RECIPE, has_logged, launch, run, sha_of

pytestmark = pytest.mark.faults
BAD, IMAGES = 77, 256


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A folder with a record file of each split."""
    folder = tmp_path_factory.mktemp("digits")
    for split in ("train", "val"):
        source = load_digits(split)
        with RecordWriter(folder / f"{split}.rec") as writer:
            for index in range(IMAGES):
                png = cv2.imencode(".png", source.image(index))[1].tobytes()
                writer.write(pack_image_record(float(source.labels[index]), index, png))
    return folder


@pytest.fixture
def data(digits, tmp_path):
    return shutil.copytree(digits, tmp_path / "data")


def recipe_of(data, *settings):
    files = [f"data.train={data / 'train.rec'}", f"data.val={data / 'val.rec'}"]
    return [*RECIPE, "data.name=record", *files, "epochs=20", "log_every=2", *settings]


@pytest.fixture(scope="module")
def undisturbed_records(digits, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("records") / "run"
    ended = run(run_dir, recipe=recipe_of(digits))
    assert ended.code == 0, ended.errors
    return sha_of(run_dir)


def overwrite(path, start, content):
    with path.open("r+b") as file:
        file.seek(start)
        file.write(content)


def offset_of(path, record):
    reader = RecordReader(path)
    offset = int(reader.offsets[record])
    reader.close()
    return offset


IN_RECORD = rf"train\.rec: record {BAD} at byte \d+"
DAMAGE = {
    "no image": (lambda path, at: overwrite(path, at + 32, b"<html>404"), rf"DAT06\] {IN_RECORD}"),
    "label of no class": (lambda path, at: overwrite(path, at + 12, b"\0\0\x20\x42"), rf"DAT12\] {IN_RECORD}"),
    "label NaN": (lambda path, at: overwrite(path, at + 12, b"\0\0\xc0\x7f"), rf"DAT12\] {IN_RECORD}"),
    "wrong magic number": (lambda path, at: overwrite(path, at, b"XXXX"), r"DAT0[34]\] train\.\w+"),
    "length beyond the file": (lambda path, at: overwrite(path, at + 4, b"\xff\xff\xff\x1f"), r"DAT0[34]\] train\.\w+"),
    "file cut": (lambda path, at: path.write_bytes(path.read_bytes()[:at]), r"DAT0[34]\] train\.\w+"),
    "file empty": (lambda path, at: path.write_bytes(b""), r"DAT01\] .*train\.rec"),
    "file gone": (lambda path, at: path.unlink(), r"DAT01\] .*train\.rec"),
    "index of another file": (lambda path, at: path.with_suffix(".idx").write_text("0\t0\n1\t52\n"), r"DAT03\] train\.idx"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_data_are_named_before_training(name, data, tmp_path, table):
    damage, message = DAMAGE[name]
    damage(data / "train.rec", offset_of(data / "train.rec", BAD))
    ended = run(tmp_path / "run", recipe=recipe_of(data))
    assert ended.code == 3, ended.errors
    assert re.search(message, ended.last_line), ended.errors
    assert ended.errors.count("error[") == 1
    assert not (tmp_path / "run/checkpoints").exists()
    line = ended.last_line.replace(f"{data}/", "")
    table.add("R13", f"record file: {name}", f"exit 3, {line}", ended.seconds, "nothing begun")


def test_a_bad_record_is_left_out_where_that_is_allowed(data, tmp_path, table):
    overwrite(data / "train.rec", offset_of(data / "train.rec", BAD) + 32, b"<html>404")
    ended = run(
        tmp_path / "run", recipe=recipe_of(data, "data.bad_records=skip", "data.max_bad_fraction=0.01")
    )
    assert ended.code == 0, ended.errors
    told = next(
        line for line in (ended.out + ended.errors).splitlines() if "bad records are left out" in line
    )
    table.add("R13", "record file: no image, skip", f"exit 0, {told}", ended.seconds, "255 of 256 records")


def test_a_record_that_changes_while_it_is_read(data, tmp_path, undisturbed_records, table):
    run_dir, path = tmp_path / "run", data / "train.rec"
    at = offset_of(path, BAD) + 60
    good = path.read_bytes()[at : at + 1]
    job = launch(run_dir, recipe=recipe_of(data))
    job.wait_for(has_logged(run_dir))
    overwrite(path, at, bytes([good[0] ^ 1]))
    ended = job.end()
    assert ended.code == 3, ended.errors
    assert re.search(rf"DAT0[68]\] {IN_RECORD}", ended.last_line), ended.errors
    overwrite(path, at, good)
    again = run(run_dir, recipe=recipe_of(data))
    assert again.code == 0, again.errors
    assert sha_of(run_dir) == undisturbed_records
    table.add(
        "R13",
        "a bit flips during the run",
        f"exit 3, {ended.last_line}",
        ended.seconds,
        "same weights, mended",
    )
