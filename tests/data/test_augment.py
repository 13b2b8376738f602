import numpy as np
import pytest

from gluonlab.data.augment import Augmentation
from gluonlab.data.augment.placement import ShiftCrop
from gluonlab.data.augment.views import CentreCrop, InceptionCrop, RandomCrop, View, WholeImage, look, resize
from gluonlab.data.randomness import uniforms

NO_DRAWS = np.empty(0)


@pytest.fixture
def image():
    return np.random.RandomState(0).randint(0, 256, (8, 8, 3)).astype(np.uint8)


def seen(framing, image, draws=NO_DRAWS, channels=3):
    """What a framing makes of a whole image."""
    return look(image, framing(*image.shape[:2], draws), framing.size, channels)


def test_a_shift_in_the_middle_of_its_range_changes_nothing(image):
    crop = ShiftCrop(pad=2, flip=False)
    assert np.array_equal(crop(image, np.array([0.5, 0.5, 0.0])), image)


def test_a_shift_moves_the_image_and_fills_with_zeros(image):
    crop = ShiftCrop(pad=2, flip=False)
    moved = crop(image, np.array([0.0, 0.999, 0.9]))  # two rows up in the padded image, two columns right
    assert np.array_equal(moved[2:, :6], image[:6, 2:])
    assert not moved[:2].any()
    assert not moved[:, 6:].any()


def test_a_flip_mirrors_columns(image):
    crop = ShiftCrop(pad=0, flip=True)
    assert np.array_equal(crop(image, np.array([0.5, 0.5, 0.1])), image[:, ::-1])
    assert np.array_equal(crop(image, np.array([0.5, 0.5, 0.9])), image)


def test_all_shifts_are_equally_likely():
    dot = np.zeros((5, 5, 1), np.uint8)
    dot[2, 2] = 1
    crop = ShiftCrop(pad=2, flip=False)
    numbers = uniforms(0, np.zeros(10_000, np.int64), np.arange(10_000), 3)
    places = sum(crop(dot, draw)[..., 0].astype(int) for draw in numbers)
    assert places.sum() == 10_000
    assert places.min() > 330  # expected 400 each, standard deviation 19.6
    assert places.max() < 470


def test_the_inception_crop_keeps_to_area_and_aspect_ratio():
    crop = InceptionCrop(16, min_area=0.25)
    numbers = uniforms(1, np.zeros(2000, np.int64), np.arange(2000), crop.num_draws)
    boxes = np.array([crop(100, 150, draw) for draw in numbers])
    tops, lefts, heights, widths, mirrored = boxes.T
    assert (tops >= 0).all()
    assert (lefts >= 0).all()
    assert (tops + heights <= 100).all()
    assert (lefts + widths <= 150).all()
    areas = heights * widths / 15_000
    assert areas.min() > 0.24
    assert areas.max() <= 1
    assert (widths / heights).min() > 0.74
    assert (widths / heights).max() < 1.36
    assert 920 < mirrored.sum() < 1080


def test_the_inception_crop_falls_back_to_a_square_on_extreme_shapes():
    crop = InceptionCrop(8, min_area=0.5)
    draw = uniforms(0, np.zeros(1, np.int64), np.zeros(1, np.int64), crop.num_draws)[0]
    assert crop(4, 400, draw)[:4] == (0, 198, 4, 4)
    assert seen(crop, np.zeros((4, 400, 3), np.uint8), draw).shape == (8, 8, 3)


def test_the_centre_crop_takes_the_centre():
    image = np.arange(6 * 10, dtype=np.uint8).reshape(6, 10, 1)
    assert np.array_equal(seen(CentreCrop(4, 6), image, channels=1), image[1:5, 3:7])


def test_the_centre_crop_of_imagenet_is_seven_eighths_of_the_shorter_side():
    assert CentreCrop(224, 256)(400, 512, NO_DRAWS) == View(25, 81, 350, 350)


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 300, 3), (500, 3, 3)])
def test_extreme_sizes_come_out_at_the_right_size(shape):
    out = seen(CentreCrop(8, 9), np.full(shape, 7, np.uint8), channels=shape[2])
    assert out.shape == (8, 8, shape[2])
    assert (out == 7).all()


def test_channels_are_converted_both_ways():
    gray = np.full((8, 8, 1), 100, np.uint8)
    colour = seen(WholeImage(8), gray, channels=3)
    assert colour.shape == (8, 8, 3)
    assert (colour == 100).all()
    assert seen(WholeImage(8), colour, channels=1).shape == (8, 8, 1)


def test_a_mirrored_view_is_the_view_in_a_mirror(image):
    view = View(1, 2, 5, 5)
    assert np.array_equal(
        look(image, view._replace(is_mirrored=True), 5, 3), look(image, view, 5, 3)[:, ::-1]
    )


def test_a_view_shrinks_with_its_image_and_never_to_nothing():
    assert View(10, 20, 30, 40).shrunk(2) == View(5, 10, 15, 20)
    assert View(7, 7, 1, 1).shrunk(8) == View(1, 1, 1, 1)


def test_resizing_a_constant_image_keeps_its_value():
    assert (resize(np.full((7, 5, 1), 200, np.uint8), 3, 9) == 200).all()
    assert (resize(np.full((90, 50, 3), 200, np.uint8), 9, 5) == 200).all()


def test_an_image_of_the_right_size_passes_through_untouched(image):
    assert np.array_equal(seen(WholeImage(8), image), image)
    assert np.array_equal(seen(CentreCrop(8, 8), image), image)


def test_steps_do_not_change_what_the_framing_draws(image):
    plain = Augmentation(InceptionCrop(4), 3)
    more = Augmentation(InceptionCrop(4), 3, (ShiftCrop(1, flip=True),))
    draws = uniforms(0, np.zeros(1, np.int64), np.zeros(1, np.int64), more.num_draws)[0]
    assert more.num_draws == plain.num_draws + 3
    assert more.view(8, 8, draws) == plain.view(8, 8, draws[: plain.num_draws])


def test_a_random_crop_keeps_the_scale_and_mirrors_half(image):
    crop = RandomCrop(5, resize_to=8)
    assert np.array_equal(seen(crop, image, np.array([0.0, 0.999, 0.5])), image[:5, 3:])
    assert np.array_equal(seen(crop, image, np.array([0.26, 0.0, 0.4])), image[1:6, 4::-1])
    assert crop(16, 32, np.array([0.999, 0.999, 0.9])) == View(6, 22, 10, 10)  # half the size of training
