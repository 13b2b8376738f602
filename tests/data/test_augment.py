import numpy as np
import pytest

from gluonlab.data.augment import CentreCrop, InceptionCrop, RandomCrop, ShiftCrop, WithChannels, resize
from gluonlab.data.randomness import uniforms


@pytest.fixture
def image():
    return np.random.RandomState(0).randint(0, 256, (8, 8, 3)).astype(np.uint8)


def test_a_shift_in_the_middle_of_its_range_changes_nothing(image):
    crop = ShiftCrop(8, pad=2, flip=False)
    assert np.array_equal(crop(image, np.array([0.5, 0.5, 0.0])), image)


def test_a_shift_moves_the_image_and_fills_with_zeros(image):
    crop = ShiftCrop(8, pad=2, flip=False)
    moved = crop(image, np.array([0.0, 0.999, 0.9]))  # two rows up in the padded image, two columns right
    assert np.array_equal(moved[2:, :6], image[:6, 2:])
    assert not moved[:2].any()
    assert not moved[:, 6:].any()


def test_a_flip_mirrors_columns(image):
    crop = ShiftCrop(8, pad=0, flip=True)
    assert np.array_equal(crop(image, np.array([0.5, 0.5, 0.1])), image[:, ::-1])
    assert np.array_equal(crop(image, np.array([0.5, 0.5, 0.9])), image)


def test_all_shifts_are_equally_likely():
    dot = np.zeros((5, 5, 1), np.uint8)
    dot[2, 2] = 1
    crop = ShiftCrop(5, pad=2, flip=False)
    numbers = uniforms(0, np.zeros(10_000, np.int64), np.arange(10_000), 3)
    places = sum(crop(dot, draw)[..., 0].astype(int) for draw in numbers)
    assert places.sum() == 10_000
    assert places.min() > 330  # expected 400 each, standard deviation 19.6
    assert places.max() < 470


def test_the_inception_crop_keeps_to_area_and_aspect_ratio():
    crop = InceptionCrop(16, min_area=0.25)
    numbers = uniforms(1, np.zeros(2000, np.int64), np.arange(2000), crop.num_draws)
    boxes = np.array([crop._box(100, 150, draw) for draw in numbers])
    tops, lefts, heights, widths = boxes.T
    assert (tops >= 0).all()
    assert (lefts >= 0).all()
    assert (tops + heights <= 100).all()
    assert (lefts + widths <= 150).all()
    areas = heights * widths / 15_000
    assert areas.min() > 0.24
    assert areas.max() <= 1
    assert (widths / heights).min() > 0.74
    assert (widths / heights).max() < 1.36


def test_the_inception_crop_falls_back_to_a_square_on_extreme_shapes():
    image = np.zeros((4, 400, 3), np.uint8)
    crop = InceptionCrop(8, min_area=0.5)
    draw = uniforms(0, np.zeros(1, np.int64), np.zeros(1, np.int64), crop.num_draws)[0]
    assert crop._box(4, 400, draw) == (0, 198, 4, 4)
    assert crop(image, draw).shape == (8, 8, 3)


def test_the_centre_crop_takes_the_centre():
    image = np.arange(6 * 10, dtype=np.uint8).reshape(6, 10, 1)
    assert np.array_equal(CentreCrop(4, 6)(image, np.empty(0)), image[1:5, 3:7])


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 300, 3), (500, 3, 3)])
def test_extreme_sizes_come_out_at_the_right_size(shape):
    image = np.full(shape, 7, np.uint8)
    out = CentreCrop(8, 9)(image, np.empty(0))
    assert out.shape == (8, 8, shape[2])
    assert (out == 7).all()


def test_channels_are_converted_both_ways():
    gray = np.full((8, 8, 1), 100, np.uint8)
    colour = WithChannels(CentreCrop(8, 8), 3)(gray, np.empty(0))
    assert colour.shape == (8, 8, 3)
    assert (colour == 100).all()
    assert WithChannels(CentreCrop(8, 8), 1)(colour, np.empty(0)).shape == (8, 8, 1)


def test_resizing_a_constant_image_keeps_its_value():
    assert (resize(np.full((7, 5, 1), 200, np.uint8), 3, 9) == 200).all()


def test_a_random_crop_keeps_the_scale_and_mirrors_half(image):
    crop = RandomCrop(5, resize_to=8)
    assert np.array_equal(crop(image, np.array([0.0, 0.999, 0.5])), image[:5, 3:])
    assert np.array_equal(crop(image, np.array([0.26, 0.0, 0.4])), image[1:6, 4::-1])
    wide = np.repeat(image, 2, axis=1)  # twice as wide as high: the shorter side becomes 5
    assert RandomCrop(5, resize_to=5)(wide, np.array([0.0, 0.0, 0.9])).shape == (5, 5, 3)
