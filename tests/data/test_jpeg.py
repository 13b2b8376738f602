"""Partial decoding shows the same pixels as decoding all."""

import cv2
import numpy as np
import pytest
import simplejpeg

from gluonlab.data import jpeg
from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.views import InceptionCrop, View, look
from gluonlab.data.decode import decode_image, read_view
from gluonlab.data.image_limits import DEFAULT_LIMITS
from gluonlab.data.randomness import uniforms
from gluonlab.errors import DataError

RNG = np.random.RandomState(0)
SMOOTH = cv2.GaussianBlur(RNG.randint(0, 256, (375, 500, 3)).astype(np.uint8), (0, 0), 2)


def encode(image=SMOOTH, sampling="420", quality=90):
    return simplejpeg.encode_jpeg(np.ascontiguousarray(image), quality, "RGB", sampling)


def progressive(image=SMOOTH):
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()


def with_restarts(image=SMOOTH):
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_RST_INTERVAL, 3])[1].tobytes()


class One:
    """A source of one image."""

    name = "one"
    labels = np.zeros(1, np.int64)
    limits = DEFAULT_LIMITS

    def __init__(self, payload, is_verified):
        self.payload, self.is_verified = payload, is_verified

    def encoded(self, index):
        return self.payload

    def where(self, index):
        return f"{self.name}: image {index}"


PAYLOADS = {
    "420": encode(),
    "422": encode(sampling="422"),
    "444": encode(sampling="444"),
    "progressive": progressive(),
    "restarts": with_restarts(),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_rows_left_out_below_a_view_change_no_bit_of_it(name):
    payload = PAYLOADS[name]
    whole, frame = jpeg.decode(payload), jpeg.read_frame(payload)
    assert (frame.height, frame.width) == (375, 500)
    assert frame.is_cuttable == (name != "progressive")
    for top, height in ((0, 1), (0, 15), (3, 13), (0, 16), (5, 12), (100, 61), (0, 374), (200, 175)):
        view = View(top, 7, height, 90)
        for is_verified in (False, True):
            part, where = jpeg.decode_view(payload, frame, view, 300, is_verified)
            assert where == view
            shown = part[top : top + height, 7:97]
            assert np.array_equal(shown, whole[top : top + height, 7:97]), (top, height, is_verified)


def test_a_view_of_twice_the_size_is_decoded_at_half_the_scale():
    payload = encode()
    frame = jpeg.read_frame(payload)
    sizes = {}
    for side, size in ((200, 101), (200, 100), (200, 50), (320, 40), (320, 10)):
        view = View(10, 20, side, side)
        part, shrunk = jpeg.decode_view(payload, frame, view, size, False)
        sizes[side / size] = frame.width / part.shape[1]
        exact = cv2.resize(SMOOTH[10 : 10 + side, 20 : 20 + side], (size, size), interpolation=cv2.INTER_AREA)
        difference = look(part, shrunk, size, 3).astype(float) - exact
        assert abs(difference).mean() < 6, (side, size)
    assert [round(value) for value in sizes.values()] == [1, 2, 4, 8, 8]


def test_views_of_a_verified_image_are_those_of_a_whole_one():
    payload = encode()
    augmentation = Augmentation(InceptionCrop(160), 3)
    for draw in uniforms(0, np.zeros(60, np.int64), np.arange(60), augmentation.num_draws):
        images = [read_view(One(payload, known), 0, augmentation, draw).copy() for known in (False, True)]
        assert np.array_equal(images[0], images[1])


def test_damage_is_told_where_nothing_was_verified():
    augmentation = Augmentation(InceptionCrop(160), 3)
    draw = np.full(augmentation.num_draws, 0.5)
    payload = encode()
    for damaged in (payload[: len(payload) // 2], payload[:300], payload[:20]):
        with pytest.raises(DataError, match=r"DAT06\] one: image 0"):
            read_view(One(damaged, False), 0, augmentation, draw)


def test_rubbish_after_the_last_pixel_is_harmless():
    payload = encode()
    untidy = payload[:-2] + b"rubbish" + payload[-2:]
    assert np.array_equal(decode_image(untidy, ""), decode_image(payload, ""))
    augmentation = Augmentation(InceptionCrop(160), 3)
    draw = np.full(augmentation.num_draws, 0.5)
    seen = [read_view(One(data, False), 0, augmentation, draw).copy() for data in (payload, untidy)]
    assert np.array_equal(seen[0], seen[1])


def test_headers_that_are_none():
    payload = encode()
    for damaged in (b"", payload[:3], payload[:150], b"\xff\xd8\xff\xe0\x00\x01", b"\xff\xd8" + b"x" * 50):
        assert jpeg.read_frame(damaged) is None
