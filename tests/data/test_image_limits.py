"""Images that are too large: told by their header, before anything is decoded, wherever images are read."""

from __future__ import annotations

import io
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.views import CentreCrop
from gluonlab.data.decode import decode_image, read_view
from gluonlab.data.folder import FolderSource
from gluonlab.data.image_limits import DEFAULT_LIMITS, ImageLimits, image_size
from gluonlab.data.list_file import ListSource
from gluonlab.data.packing import pack_source
from gluonlab.data.record_source import RecordSource
from gluonlab.data.recordio import RecordReader, RecordWriter, pack_image_record
from gluonlab.data.verification.verify import verify
from gluonlab.data.verified_source import open_verified
from gluonlab.errors import DataError
from gluonlab.inference.images import ImageFiles

PIXELS = cv2.GaussianBlur(np.random.RandomState(0).randint(0, 256, (40, 48, 3)).astype(np.uint8), (0, 0), 2)
SMALL = ImageLimits(max_pixels=40 * 48 - 1)
FEW = ImageLimits(max_bytes=200)
EXIF = b"Exif\0\0MM\0*\0\0\0\x08\0\0\0\0\0\0"


def picture(kind, mode="RGB", **options):
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).convert(mode).save(buffer, kind, **options)
    return buffer.getvalue()


def core_bitmap():
    """With the header of OS/2 1.x: 16-bit sizes."""
    rows = PIXELS[::-1, :, ::-1].tobytes()  # 48 * 3 is a multiple of 4
    header = (12).to_bytes(4, "little") + b"".join(n.to_bytes(2, "little") for n in (48, 40, 1, 24))
    size = (26 + len(rows)).to_bytes(4, "little")
    return b"BM" + size + bytes(4) + (26).to_bytes(4, "little") + header + rows


FORMS = {
    "jpeg": picture("JPEG"),
    "progressive jpeg": picture("JPEG", progressive=True),
    "png": picture("PNG"),
    "png with a palette": picture("PNG", "P"),
    "bitmap": picture("BMP"),
    "old bitmap": core_bitmap(),
    "webp": picture("WEBP"),
    "lossless webp": picture("WEBP", lossless=True),
    "extended webp": picture("WEBP", exif=EXIF),
    "webp with alpha": picture("WEBP", "RGBA", lossless=True),
}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, root):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(root))


@pytest.mark.parametrize("name", FORMS)
def test_the_header_of_each_format_tells_its_size(name, monkeypatch):
    assert image_size(FORMS[name]) == (40, 48)
    assert decode_image(FORMS[name], "", ImageLimits(max_pixels=40 * 48)).shape[:2] == (40, 48)
    monkeypatch.setattr(cv2, "imdecode", None)  # nothing is decoded
    monkeypatch.setattr("gluonlab.data.jpeg.decode", None)
    with pytest.raises(DataError, match=r"DAT07\] here: 48 x 40 = 1,920 pixels, max_pixels is 1,919; r"):
        decode_image(FORMS[name], "here", SMALL)


@pytest.mark.parametrize("name", FORMS)
def test_a_header_cut_at_any_byte_is_refused(name):
    for length in range(40):
        try:
            size = image_size(FORMS[name][:length])
        except ValueError:
            continue
        assert size in (None, (40, 48))
        with pytest.raises(DataError, match="DAT06"):
            decode_image(FORMS[name][:length], "")


@pytest.mark.parametrize(
    ("width", "height", "told"),
    [
        (2**20 + 1, 4, "1048577 x 4 pixels, OpenCV takes 1,048,576 a side and 1,073,741,824 in all"),
        (4, -(2**20) - 1, "4 x 1048577 pixels, OpenCV takes "),
        (2**15, 2**15 + 1, "32768 x 32769 pixels, OpenCV takes "),
        (-5, 4, "-5 x 4 pixels"),
    ],
)
def test_sizes_that_opencv_refuses_are_told_without_its_source(width, height, told):
    sizes = b"".join(number.to_bytes(4, "little", signed=True) for number in (width, height))
    bitmap = FORMS["bitmap"][:18] + sizes + FORMS["bitmap"][26:]
    with pytest.raises(DataError, match=rf"^error\[DAT06\] here: cannot be decoded: {told}"):
        decode_image(bitmap, "here", ImageLimits(max_pixels=2**62))


def test_what_else_opencv_refuses_is_one_line_without_its_source(monkeypatch):
    class Refusal(cv2.error):
        func = "readData"

    def refuse(*_):
        raise Refusal(
            "OpenCV(4.11.0) /io/x.cpp:75: error: (-215:Assertion failed) false in function 'readData'"
        )

    monkeypatch.setattr(cv2, "imdecode", refuse)
    with pytest.raises(DataError, match=r"^error\[DAT06\] here: OpenCV cannot decode it \(readData\)$"):
        decode_image(FORMS["png"], "here")


def test_opencv_prints_nothing_of_its_own_about_a_damaged_bitmap(capfd):
    cut = FORMS["bitmap"][:-2000]
    unknown = FORMS["bitmap"][:30] + (9).to_bytes(4, "little") + FORMS["bitmap"][34:]  # a compression
    for payload in (cut, unknown):
        with pytest.raises(DataError, match=r"^error\[DAT06\] here: "):
            decode_image(payload, "here")
    assert capfd.readouterr() == ("", "")


def test_sixteen_bits_are_cut_to_the_high_eight():
    deep = np.random.RandomState(1).randint(0, 65536, (7, 9, 4)).astype(np.uint16)
    assert np.array_equal(decode_image(cv2.imencode(".png", deep)[1].tobytes(), ""), deep[:, :, 2::-1] >> 8)
    assert np.array_equal(
        decode_image(cv2.imencode(".png", deep[:, :, 0])[1].tobytes(), ""), deep[:, :, :1] >> 8
    )


@pytest.fixture
def places(tmp_path):
    """The same images in a folder, a list, a record file and as files."""
    folder = tmp_path / "in" / "a"
    folder.mkdir(parents=True)
    with RecordWriter(tmp_path / "in.rec") as writer:
        for number, name in enumerate(("jpeg", "png")):
            (folder / f"{number}.{name}").write_bytes(FORMS[name])
            writer.write(pack_image_record(0.0, number, FORMS[name]))
    (tmp_path / "in.lst").write_text("0\t0\tin/a/0.jpeg\n1\t0\tin/a/1.png\n")
    files = sorted(folder.iterdir())
    return {
        "folder": lambda limits: FolderSource(tmp_path / "in", limits=limits),
        "list": lambda limits: ListSource(tmp_path / "in.lst", tmp_path, limits=limits),
        "records": lambda limits: RecordSource(tmp_path / "in.rec", limits=limits),
        "files": lambda limits: ImageFiles(files, limits),
    }


@pytest.mark.parametrize("place", ["folder", "list", "records", "files"])
def test_each_source_holds_its_limits(places, place):
    augmentation = Augmentation(CentreCrop(8, 8), 3)
    for index in range(2):
        assert places[place](DEFAULT_LIMITS).image(index).shape == PIXELS.shape
        for limits, what in ((SMALL, "1,920 pixels"), (FEW, "bytes, max_bytes is 200")):
            source = places[place](limits)
            with pytest.raises(DataError, match=rf"DAT07.*{what}"):
                source.image(index)
            with pytest.raises(DataError, match=rf"DAT07.*{what}"):
                read_view(source, index, augmentation, np.zeros(0))


def test_packing_refuses_them_and_leaves_nothing(places, tmp_path):
    for limits in (SMALL, FEW):
        with pytest.raises(DataError, match="DAT07"):
            pack_source(places["folder"](limits), tmp_path / "out" / "a", encoding="keep")
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize("kind", ["record", "folder"])
@pytest.mark.parametrize("limits", [SMALL, FEW])
def test_verification_follows_limits_that_change(places, tmp_path, kind, limits):
    path = tmp_path / ("in.rec" if kind == "record" else "in")
    index = verify(kind, path, limits=limits)
    assert {number: problem.code for number, problem in index.bad.items()} == {0: "DAT07", 1: "DAT07"}
    with pytest.raises(DataError, match=r"DAT07.*; raise data.max_pixels"):
        open_verified(kind, [path], 1, limits=limits)
    assert len(open_verified(kind, [path], 1)) == 2  # verified again, as nobody had decoded them
    with pytest.raises(DataError, match="DAT07"):
        open_verified(kind, [path], 1, limits=limits)  # what is known of them is enough


def test_a_record_is_measured_before_it_is_read(tmp_path, monkeypatch):
    with RecordWriter(tmp_path / "a.rec") as writer:
        writer.write(bytes(1000))
    reader = RecordReader(tmp_path / "a.rec", limits=FEW)
    read, pread = [], os.pread

    def counting(fd, length, offset):
        read.append(length)
        return pread(fd, length, offset)

    monkeypatch.setattr(os, "pread", counting)
    with pytest.raises(DataError, match=r"DAT07\] a.rec: record 0 at byte 0: 1,008 bytes"):
        reader.read(0)
    assert sum(read) == 8
