"""Files as disks, networks and people leave them: none crashes the process, none is read as something else.

Each case is a real file. What verification says of it is what `data verify` and a run that starts on it say;
the child's own code runs here in the process of the test, once also as the child.
"""

from __future__ import annotations

import io
import os
import struct

import cv2
import numpy as np
import pytest
import simplejpeg
from PIL import Image

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.views import CentreCrop, InceptionCrop
from gluonlab.data.collate import normalise
from gluonlab.data.decode import decode_image, read_view
from gluonlab.data.image_limits import DEFAULT_LIMITS
from gluonlab.data.loader import SourceLoader
from gluonlab.data.randomness import uniforms
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordReader, RecordWriter, pack_image_record
from gluonlab.data.sampler import Request
from gluonlab.data.verification.child import RecordFile, inspect
from gluonlab.data.verification.verify import verify
from gluonlab.errors import CheckpointError, DataError
from gluonlab.runtime.mxnet import mx

RNG = np.random.RandomState(0)
PIXELS = cv2.GaussianBlur(RNG.randint(0, 256, (40, 48, 3)).astype(np.uint8), (0, 0), 2)
COUNT, BAD = 16, 5


def picture(image=PIXELS, mode="RGB", kind="JPEG", **options):
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(image)).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


GOOD = picture()


def write(path, bad_payload=None, bad_record=None, labels=range(COUNT)):
    """Sixteen records; number 5 holds another payload, or is another record altogether."""
    with RecordWriter(path) as writer:
        for index, label in enumerate(labels):
            payload = bad_payload if index == BAD and bad_payload is not None else GOOD
            record = pack_image_record(label, index, payload)
            writer.write(bad_record if index == BAD and bad_record is not None else record)
    return path


def bad_records(path):
    """What verification says of each record that it refuses."""
    samples = RecordFile(str(path))
    rows = {number: inspect(samples, number)[-1] for number in range(COUNT)}
    return {number: error for number, error in rows.items() if error}


def batches(source, augmentation):
    loader = SourceLoader(
        source, ctx=mx.cpu(), augmentation=augmentation, collate=normalise([0] * 3, [1] * 3, mx.cpu())
    )
    return list(loader.batches([Request(np.arange(len(source)), np.zeros(len(source), np.int64))]))


def flip(content, start, replacement):
    return content[:start] + replacement + content[start + len(replacement) :]


PAYLOADS = {
    "half a jpeg": GOOD[: len(GOOD) // 2],
    "20 bytes of a jpeg": GOOD[:20],
    "nothing": b"",
    "random bytes": RNG.bytes(500),
    "html": b"<html>404 not found</html>",
    "gif": picture(kind="GIF"),
    "tiff": picture(kind="TIFF"),
    "jpeg without a frame": GOOD[:2] + b"\xff\xd9",
    "half a png": picture(kind="PNG")[:600],
    "png with a chunk of 4 GB": flip(picture(kind="PNG"), 8, b"\xff"),
    "png of no pixels": picture(kind="PNG")[:16] + bytes(8) + picture(kind="PNG")[24:],
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_what_is_no_image_is_named(tmp_path, name):
    path = write(tmp_path / "train.rec", PAYLOADS[name])
    found = bad_records(path)
    assert set(found) == {BAD}
    assert found[BAD][0] == "DAT06"
    assert found[BAD][1].startswith(f"train.rec: record {BAD} at byte ")
    with pytest.raises(DataError, match=rf"DAT06\] train.rec: record {BAD} at byte"):
        batches(RecordSource(path), Augmentation(InceptionCrop(16), 3))


RECORDS = {
    "3 bytes": b"abc",
    "no bytes": b"",
    "a million labels": struct.pack("<IfQQ", 1 << 30, 0.0, BAD, 0) + GOOD,
}


@pytest.mark.parametrize("name", RECORDS)
def test_a_record_that_is_shorter_than_its_header_says(tmp_path, name):
    path = write(tmp_path / "train.rec", bad_record=RECORDS[name])
    assert bad_records(path)[BAD][0] == "DAT05"
    with pytest.raises(DataError, match=rf"DAT05\] train.rec: record {BAD} at byte"):
        RecordSource(path)


def test_several_labels_and_labels_that_are_no_class(tmp_path):
    for label, code in (
        (np.array([1, 2], np.float32), "DAT13"),
        (float("nan"), "DAT12"),
        (0.5, "DAT12"),
        (float("inf"), "DAT12"),
    ):
        labels = [label if index == BAD else index for index in range(COUNT)]
        path = write(tmp_path / "train.rec", labels=labels)
        assert bad_records(path)[BAD][0] == code
        with pytest.raises(DataError, match=rf"{code}\] train.rec: record {BAD} at byte"):
            RecordSource(path)


@pytest.mark.parametrize(
    ("damage", "where"),
    [
        (lambda raw, at: raw[: len(raw) // 2 - 8], "record 7"),
        (lambda raw, at: raw[:-3], "record 15"),
        (lambda raw, at: flip(raw, 0, bytes(4)), "record 0"),
        (lambda raw, at: flip(raw, at, b"XXXX"), "record 5"),
        (lambda raw, at: flip(raw, at + 4, struct.pack("<I", (1 << 29) - 1)), "record 5"),
        (lambda raw, at: flip(raw, at + 4, struct.pack("<I", 10)), "record 5"),
        (lambda raw, at: flip(raw, at + 4, struct.pack("<I", (1 << 29) | 100)), "record 5"),
    ],
    ids=["half", "tail", "first magic", "magic", "length beyond", "length short", "part flag"],
)
@pytest.mark.parametrize("has_index", [True, False])
def test_a_damaged_record_file_names_the_place(tmp_path, damage, where, has_index):
    path = write(tmp_path / "train.rec")
    offset = int(RecordReader(path).offsets[BAD])
    path.write_bytes(damage(path.read_bytes(), offset))
    if not has_index:
        (tmp_path / "train.idx").unlink()
    with pytest.raises(DataError, match=r"DAT0[34]\]") as caught:
        batches(RecordSource(path), Augmentation(CentreCrop(16, 16), 3))
    record = int(where.split()[1])
    if has_index and "DAT04" in str(caught.value):
        assert int(str(caught.value).split("record ")[1].split()[0]) <= record


INDEXES = {
    "another place": lambda lines, at: [*lines[:5], f"5\t{at + 2}", *lines[6:]],
    "beyond": lambda lines, at: [*lines[:5], f"5\t{10**9}", *lines[6:]],
    "inside a record": lambda lines, at: [*lines[:5], f"5\t{at + 4}", *lines[6:]],
    "garbage": lambda lines, at: ["hello", "world"],
    "empty": lambda lines, at: [],
    "twice": lambda lines, at: [*lines[:5], lines[4], *lines[6:]],
    "negative": lambda lines, at: [*lines[:5], "5\t-8", *lines[6:]],
    "huge": lambda lines, at: [*lines[:5], "5\t99999999999999999999999", *lines[6:]],
}


@pytest.mark.parametrize("name", INDEXES)
def test_a_wrong_index_is_told_and_never_believed(tmp_path, name):
    path = write(tmp_path / "train.rec")
    offset = int(RecordReader(path).offsets[BAD])
    index = tmp_path / "train.idx"
    index.write_text("\n".join([*INDEXES[name](index.read_text().splitlines(), offset), ""]).lstrip("\n"))
    with pytest.raises(DataError, match=r"DAT03\] train.idx"):
        batches(RecordSource(path), Augmentation(CentreCrop(16, 16), 3))


def test_without_an_index_it_is_rebuilt(tmp_path):
    path = write(tmp_path / "train.rec")
    (tmp_path / "train.idx").unlink()
    assert RecordSource(path).labels.tolist() == list(range(COUNT))


@pytest.mark.parametrize("content", [None, b""])
def test_no_file_or_an_empty_one(tmp_path, content):
    if content is not None:
        (tmp_path / "train.rec").write_bytes(content)
    with pytest.raises(DataError, match=r"DAT01\]"):
        RecordSource(tmp_path / "train.rec")


def oriented():
    exif = Image.Exif()
    exif[0x0112] = 6
    return picture(exif=exif)


CONVERSIONS = {
    "cmyk jpeg": (picture(mode="CMYK"), 3),
    "gray jpeg": (picture(mode="L"), 3),
    "progressive jpeg": (picture(progressive=True), 3),
    "turned by exif": (oriented(), 3),
    "png with alpha": (picture(mode="RGBA", kind="PNG"), 3),
    "png with a palette": (picture(mode="P", kind="PNG"), 3),
    "gray png": (picture(mode="L", kind="PNG"), 1),
    "16-bit png": (cv2.imencode(".png", PIXELS[:, :, 0].astype(np.uint16) * 257)[1].tobytes(), 1),
    "bitmap": (picture(kind="BMP"), 3),
    "webp": (picture(kind="WEBP", lossless=True), 3),
}


@pytest.mark.parametrize("name", CONVERSIONS)
def test_unusual_images_are_converted_by_rule(tmp_path, name):
    payload, channels = CONVERSIONS[name]
    image = decode_image(payload, "")
    assert image.shape == (40, 48, channels)  # an orientation is not applied
    path = write(tmp_path / "train.rec", payload)
    assert not bad_records(path)
    ((seen, _),) = batches(RecordSource(path), Augmentation(CentreCrop(32, 40), 3))
    assert seen.shape == (COUNT, 3, 32, 32)
    gray = name.startswith(("gray", "16"))
    expected = cv2.cvtColor(PIXELS, cv2.COLOR_RGB2GRAY)[..., None] if gray else PIXELS
    if "16" in name:
        expected = PIXELS[:, :, :1]
    assert abs(image.astype(int) - expected).mean() < (25 if "palette" in name else 6)


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 2), (2, 2000), (3, 5000)])
def test_extreme_shapes_are_resized_by_rule(tmp_path, shape):
    payload = picture(np.full((*shape, 3), 90, np.uint8))
    path = write(tmp_path / "train.rec", payload)
    assert not bad_records(path)
    for framing in (CentreCrop(24, 28), InceptionCrop(24)):
        ((seen, _),) = batches(RecordSource(path), Augmentation(framing, 3))
        assert seen.shape == (COUNT, 3, 24, 24)
        assert abs(seen[BAD].asnumpy() - 90).max() <= 2


def test_a_flipped_bit_is_noticed_after_verification(tmp_path):
    path = write(tmp_path / "train.rec")
    index = verify("record", path)
    content = bytearray(path.read_bytes())
    content[int(index.records.offsets[BAD]) + 400] ^= 0x10
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"DAT08\] train.rec: record {BAD} at byte"):
        batches(RecordSource(path, index=index), Augmentation(InceptionCrop(16), 3))


def test_a_disk_that_fails_for_a_moment_is_asked_again(tmp_path, monkeypatch):
    source = RecordSource(write(tmp_path / "train.rec"))
    real, failures = os.pread, [OSError(5, "Input/output error"), OSError(116, "Stale file handle")]

    def failing(*arguments):
        if failures:
            raise failures.pop()
        return real(*arguments)

    monkeypatch.setattr(os, "pread", failing)
    monkeypatch.setattr("gluonlab.retry.PAUSES", (0.0, 0.0, 0.0))
    assert source.image(3).shape == PIXELS.shape
    failures.extend([OSError(5, "Input/output error")] * 4)
    with pytest.raises(CheckpointError, match=r"DAT19\] train.rec: byte \d+: Input/output error, 4 times"):
        source.image(3)
    failures.clear()
    failures.append(OSError(13, "Permission denied"))
    with pytest.raises(PermissionError):
        source.image(3)


def test_no_two_draws_of_an_epoch_are_the_same_whoever_draws():
    numbers = uniforms(0, np.zeros(5000, np.int64), np.arange(5000), 41)
    assert len({row.tobytes() for row in numbers}) == 5000
    later = uniforms(0, np.ones(5000, np.int64), np.arange(5000), 41)
    assert not {row.tobytes() for row in later} & {row.tobytes() for row in numbers}


def test_verification_in_the_child_says_the_same(tmp_path):
    path = write(tmp_path / "train.rec", b"<html>")
    assert {number: [p.code, p.where, p.what] for number, p in verify("record", path).bad.items()} == (
        bad_records(path)
    )


def test_a_view_of_a_bad_jpeg_is_an_error_at_every_length():
    """Cut at any byte, a JPEG is refused or shows all of its pixels; never a gray rest."""
    whole = decode_image(GOOD, "")

    class Cut:
        name, is_verified, limits = "cut", False, DEFAULT_LIMITS

        def __init__(self, payload):
            self.payload = payload

        def encoded(self, index):
            return self.payload

        def where(self, index):
            return "cut: image 0"

    augmentation = Augmentation(CentreCrop(40, 40), 3)
    expected = read_view(Cut(GOOD), 0, augmentation, np.empty(0)).copy()
    assert np.array_equal(expected, whole[:, 4:44])
    shown = 0
    for length in range(len(GOOD)):
        try:
            seen = read_view(Cut(GOOD[:length]), 0, augmentation, np.empty(0))
        except DataError:
            continue
        shown += 1
        assert np.array_equal(seen, expected), length
    assert shown < 4
    assert simplejpeg.is_jpeg(GOOD)
