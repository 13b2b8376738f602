"""Validation's pixels are those that torchvision and timm show a network, not only like them."""

import io

import numpy as np
import pytest
import simplejpeg
from PIL import Image

from gluonlab.build.likeness import settings_like
from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.antialiased import AntialiasedCrop
from gluonlab.data.decode import decode_image, read_view
from gluonlab.data.packing import encode_png
from gluonlab.data.sections.digits import DigitsSection
from gluonlab.data.source import ArraySource
from gluonlab.errors import ConfigError

SIZES = ((300, 401), (517, 256), (333, 333), (97, 130), (256, 256))


def files():
    """JPEGs of both samplings and PNGs, of odd sizes, with edges and noise in them."""
    for number, (height, width) in enumerate(SIZES):
        y, x = np.mgrid[:height, :width]
        waves = [127 + 120 * np.sin(x / (3 + number) + c) * np.cos(y / (5 + c)) for c in range(3)]
        noise = np.random.RandomState(number).randint(-8, 8, (height, width, 3))
        image = np.ascontiguousarray((np.stack(waves, 2) + noise).clip(0, 255).astype(np.uint8))
        yield encode_png(image)
        yield simplejpeg.encode_jpeg(image, 90, "RGB", "420" if number % 2 else "444")


def shown(content, size, resize_to, interpolation):
    source = ArraySource(decode_image(content, "")[None], np.array([0]))
    framing = AntialiasedCrop(size, resize_to, interpolation=interpolation)
    return read_view(source, 0, Augmentation(framing, 3), np.zeros(0))


def test_a_pixel_is_the_mean_of_what_it_covers_by_the_triangle_and_by_keys_cubic():
    """From 8 to 4 pixels the kernels are twice as wide; their weights at the distances 0.5, 1.5, ... of 2."""
    row = np.array([0, 0, 0, 200, 0, 0, 0, 0], np.uint8)
    image = np.repeat(np.repeat(row[None, :, None], 8, 0), 3, 2)
    for kind, weights in (("bilinear", (0.375, 0.125)), ("bicubic", (0.4336, 0.1055))):
        seen = AntialiasedCrop(4, 4, interpolation=kind).show(image, 3)[1, :, 0]
        near, far = (round(200 * weight) for weight in weights)
        assert abs(int(seen[1]) - near) <= 1, (kind, seen)
        assert abs(int(seen[2]) - far) <= 1, (kind, seen)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize(("size", "resize_to"), [(224, 256), (224, 248), (96, 96), (97, 120)])
def test_it_is_pillow_s_resize_and_a_crop_at_the_middle(interpolation, size, resize_to):
    for content in files():
        image = Image.open(io.BytesIO(content)).convert("RGB")
        width, height = image.size
        short = min(width, height)
        new = (resize_to * width // short, resize_to * height // short)
        image = image.resize(new, Image.Resampling[interpolation.upper()])
        left, top = round((new[0] - size) / 2), round((new[1] - size) / 2)
        expected = np.asarray(image.crop((left, top, left + size, top + size)))
        assert np.array_equal(shown(content, size, resize_to, interpolation), expected)


@pytest.mark.parametrize("peer", ["torchvision", "timm"])
def test_it_is_the_peer_s_own_pipeline(peer):
    transforms = pytest.importorskip("torchvision.transforms")
    for size, resize_to, share in ((224, 256, 0.875), (224, 248, 0.9), (96, 96, 1.0)):
        if peer == "timm":
            data = pytest.importorskip("timm.data")
            steps = data.create_transform((3, size, size), interpolation="bicubic", crop_pct=share)
            look = transforms.Compose([step for step in steps.transforms if "ormal" not in repr(step)])
            kind = "bicubic"
        else:
            look, kind = (
                transforms.Compose([transforms.Resize(resize_to), transforms.CenterCrop(size)]),
                "bilinear",
            )
        for content in files():
            expected = look(Image.open(io.BytesIO(content)).convert("RGB"))
            pixels = np.asarray(expected)
            if pixels.shape[0] == 3:  # timm ends with a tensor
                pixels = pixels.transpose(1, 2, 0)
            pixels = (pixels * 255).round() if pixels.dtype == np.float32 else pixels
            assert np.array_equal(shown(content, size, resize_to, kind), pixels)


def test_gray_images_stay_gray():
    image = np.arange(144, dtype=np.uint8).reshape(12, 12, 1)
    assert AntialiasedCrop(6, 8).show(image, 1).shape == (6, 6, 1)
    assert np.array_equal(AntialiasedCrop(12, 12).show(image, 1), image)


def test_what_an_evaluation_like_theirs_sets():
    data = DigitsSection(classes=10, image_size=224)
    assert settings_like(data, None, None) == []
    assert settings_like(data, "torchvision", None) == ["data.interpolation=bilinear", "data.resize=256"]
    assert settings_like(data, "timm", 0.9) == ["data.interpolation=bicubic", "data.resize=248"]
    given = DigitsSection(classes=10, image_size=224, resize=240)
    assert settings_like(given, "timm", None) == ["data.interpolation=bicubic"]
    assert settings_like(given, None, 0.95) == ["data.resize=235"]
    for like, share, says in (("keras", None, "none of torchvision, timm"), ("timm", 1.5, "not from 0 to 1")):
        with pytest.raises(ConfigError, match=says):
            settings_like(data, like, share)
