from __future__ import annotations

import struct
import zlib

import cv2
import numpy as np
import pytest
import simplejpeg

from gluonlab.data.decode import decode_image
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.data.source import ArraySource, check_labels
from gluonlab.errors import DataError

RGB = np.random.default_rng(0).integers(0, 256, (12, 9, 3), dtype=np.uint8)


def png(image):
    return cv2.imencode(".png", image)[1].tobytes()


def write(path, labels, payloads=None):
    with RecordWriter(path) as writer:
        for index, label in enumerate(labels):
            payload = payloads[index] if payloads else png(RGB)
            writer.write(pack_image_record(label, index, payload))
    return path


def refused(code, *words):
    return pytest.raises(DataError, match=rf"^error\[{code}\] .*" + ".*".join(words))


def test_reads_labels_and_images(tmp_path):
    payloads = [png(RGB[:, :, ::-1]), png(RGB[:, :, 0]), simplejpeg.encode_jpeg(RGB, 100)]
    source = RecordSource(write(tmp_path / "train.rec", [2, 0, 1], payloads))
    assert source.labels.dtype == np.int64
    assert source.labels.tolist() == [2, 0, 1]
    assert (len(source), source.name, source.classes) == (3, "train.rec", ())
    np.testing.assert_array_equal(source.image(0), RGB)
    np.testing.assert_array_equal(source.image(1), RGB[:, :, :1])
    np.testing.assert_allclose(source.image(2).astype(int), RGB, atol=8)
    assert source.where(1) == f"train.rec: record 1 at byte {source._reader.offsets[1]}"
    assert source.encoded(1) == payloads[1]


def test_one_label_may_follow_the_header(tmp_path):
    path = write(tmp_path / "a.rec", [np.array([7], np.float32), 3])
    assert RecordSource(path).labels.tolist() == [7, 3]


def test_labels_are_read_where_the_magic_number_splits_the_header(tmp_path):
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(struct.pack("<IfQQ", 0, 4, 0xCED7230A, 0) + png(RGB))
    source = RecordSource(tmp_path / "a.rec")
    assert source.labels.tolist() == [4]
    assert source.image(0).shape == RGB.shape


@pytest.mark.parametrize("label", [float("nan"), float("inf"), 1.5, 3e38, -3e38])
def test_label_that_is_no_whole_number(tmp_path, label):
    path = write(tmp_path / "train.rec", [0, 1, label, 2])
    with refused("DAT12", r"train.rec: record 2 at byte \d+: label .* is not a whole number"):
        RecordSource(path)


def test_label_outside_the_classes(tmp_path):
    source = RecordSource(write(tmp_path / "train.rec", [0, 1, 2, -1, 12]))
    with refused("DAT12", r"train.rec: record 3 at byte \d+: label -1 outside 0..9"):
        check_labels(source, 10)
    check_labels(RecordSource(write(tmp_path / "good.rec", [0, 9])), 10)


def test_several_labels_are_refused(tmp_path):
    path = write(tmp_path / "a.rec", [1, np.array([1, 2, 3], np.float32)])
    with refused("DAT13", "record 1 ", "3 labels"):
        RecordSource(path)


@pytest.mark.parametrize("record", [b"", b"short", struct.pack("<IfQQ", 1, 0, 0, 0), b"\xff" * 40])
def test_bad_header(tmp_path, record):
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(pack_image_record(1, 0, png(RGB)))
        writer.write(record)
    with refused("DAT05", "a.rec: record 1 at byte", "shorter than its header says"):
        RecordSource(tmp_path / "a.rec")


JPEG = simplejpeg.encode_jpeg(np.ascontiguousarray(np.tile(RGB, (9, 9, 1))), 90)
BOMB = b"IHDR" + struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
UNDECODABLE = {
    "empty": b"",
    "html": b"<html><body>404</body></html>",
    "random": np.random.default_rng(1).bytes(300),
    "short jpeg": JPEG[:20],
    "half jpeg": JPEG[: len(JPEG) // 2],
    "half png": png(RGB)[:150],
    "short png": png(RGB)[:10],
    "bomb": b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + BOMB + struct.pack(">I", zlib.crc32(BOMB)),
}


@pytest.mark.parametrize("payload", UNDECODABLE.values(), ids=UNDECODABLE.keys())
def test_undecodable_image_is_named(tmp_path, payload):
    source = RecordSource(write(tmp_path / "train.rec", [0, 1], [png(RGB), payload]))
    with refused(
        "DAT07" if payload == UNDECODABLE["bomb"] else "DAT06", r"train.rec: record 1 at byte \d+: "
    ):
        source.image(1)


def test_other_kinds_of_pixels():
    gray16 = np.arange(256, dtype=np.uint16).reshape(16, 16) * 257
    np.testing.assert_array_equal(decode_image(png(gray16), "")[:, :, 0], gray16 >> 8)
    rgba = np.dstack([RGB, RGB[:, :, 0]])
    np.testing.assert_array_equal(decode_image(png(rgba), ""), RGB[:, :, ::-1])
    gray_jpeg = simplejpeg.encode_jpeg(np.ascontiguousarray(RGB[:, :, :1]), 90, "GRAY", "Gray")
    assert decode_image(gray_jpeg, "").shape == RGB.shape


def test_array_source_checks_its_arrays():
    images = np.zeros((3, 4, 4, 1), np.float32)
    source = ArraySource(images, np.array([0, 1, 2]), "mine")
    assert (len(source), source.image(1).dtype, source.where(2)) == (3, np.float32, "mine: image 2")
    with refused("DAT01", "mine: 0 images"):
        ArraySource(images[:0], np.array([]), "mine")
    with refused("DAT12", "3 images but labels"):
        ArraySource(images, np.array([0, 1]), "mine")
    assert ArraySource(images[..., 0], np.array([0, 1, 2])).image(0).shape == (4, 4)
