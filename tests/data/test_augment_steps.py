"""Colour, RandAugment and erasing against closed forms and float64 references."""

import dataclasses

import cv2
import numpy as np
import pytest

from gluonlab.data.augment import Augmentation, colour
from gluonlab.data.augment import operations as ops
from gluonlab.data.augment.colour import ColourJitter, Lighting
from gluonlab.data.augment.placement import RandomErasing, ShiftCrop
from gluonlab.data.augment.rand_augment import RandAugment, operations
from gluonlab.data.augment.views import RandomCrop, WholeImage
from gluonlab.data.randomness import uniforms
from gluonlab.runtime.mxnet import mx

RGB = np.random.RandomState(3).randint(0, 256, (24, 20, 3)).astype(np.uint8)
GRAY = RGB[:, :, :1]
FILL = (123.7, 116.3, 103.5)


def draws(count, step, seed=0):
    return uniforms(seed, np.zeros(count, np.int64), np.arange(count), step.num_draws)


@pytest.mark.parametrize("factor", [0.0, 0.4, 1.0, 1.7])
def test_colour_changes_equal_a_float64_reference(factor):
    luma = RGB.astype(np.float64) @ [0.299, 0.587, 0.114]
    references = {
        colour.brighten: RGB * factor,
        colour.stretch_contrast: luma.mean() + (RGB - luma.mean()) * factor,
        colour.saturate: luma[..., None] + (RGB - luma[..., None]) * factor,
    }
    for change, reference in references.items():
        # The mean gray is a whole number, as is the gray of a pixel.
        np.testing.assert_allclose(change(RGB, factor), np.clip(reference, 0, 255), atol=1.5)


def test_hue_turns_red_to_green_to_blue_and_a_whole_turn_changes_nothing():
    red = np.zeros((2, 2, 3), np.uint8)
    red[..., 0] = 200
    for part, channel in ((1 / 3, 1), (2 / 3, 2), (-1 / 3, 2)):
        turned = colour.turn_hue(red, part)
        assert turned[0, 0, channel] == 200
        assert np.delete(turned[0, 0], channel).max() <= 6  # a step is 1/256 of the circle
    np.testing.assert_allclose(colour.turn_hue(RGB, 0.0).astype(int), RGB, atol=8)
    np.testing.assert_allclose(colour.turn_hue(RGB, 1.0).astype(int), colour.turn_hue(RGB, 0.0), atol=0)


def test_jitter_of_strength_zero_changes_nothing_and_its_factors_are_uniform():
    for draw in draws(20, ColourJitter()):
        assert np.array_equal(ColourJitter()(RGB, draw), RGB)
    flat = np.full((1, 1, 3), 100, np.uint8)
    jitter = ColourJitter(brightness=0.4)
    values = np.array([jitter(flat, draw)[0, 0, 0] for draw in draws(4000, jitter)])
    assert (values.min(), values.max()) == (60, 140)
    assert abs(values.mean() - 100) < 4 * 23.1 / np.sqrt(4000)


def test_lighting_shifts_colours_as_far_as_mxnets():
    flat, count = np.full((1, 1, 3), 128, np.uint8), 20_000
    step, peer = Lighting(0.1), mx.gluon.data.vision.transforms.RandomLighting(0.1)
    shifts = np.array([step(flat, draw)[0, 0].astype(float) - 128 for draw in draws(count, step)])
    mx.random.seed(5)
    gray = mx.nd.full((1, 1, 3), 128.0)
    theirs = mx.nd.concat(*(peer(gray) for _ in range(count)), dim=0).asnumpy()[:, 0] - 128
    np.testing.assert_allclose(shifts.std(0), theirs.std(0), rtol=0.02)
    np.testing.assert_allclose(np.corrcoef(shifts.T), np.corrcoef(theirs.T), atol=0.02)
    deviations = 25.5 * np.sqrt(colour.PCA_VECTORS**2 @ colour.PCA_DEVIATIONS**2)
    np.testing.assert_allclose(theirs.std(0), deviations, rtol=0.02)


def test_erasing_covers_the_stated_part_of_the_images_and_of_each():
    step = RandomErasing(0.25, FILL)
    white = np.full((40, 40, 3), 255, np.uint8)
    covered = []
    for draw in draws(2000, step):
        image = step(white.copy(), draw)
        is_fill = (image == np.array([124, 116, 104], np.uint8)).all(axis=2)
        rows, columns = is_fill.any(axis=1).sum(), is_fill.any(axis=0).sum()
        assert is_fill.sum() == rows * columns  # one rectangle
        assert (image[~is_fill] == 255).all()
        if rows:
            covered.append(rows * columns / 1600)
            assert 0.25 < rows / columns < 4
    assert 0.21 < len(covered) / 2000 < 0.29
    assert min(covered) >= 0.015
    assert max(covered) < 0.36


def test_a_read_only_image_is_not_written_into():
    image = np.full((9, 9, 3), 255, np.uint8)
    image.flags.writeable = False
    step = RandomErasing(1.0, FILL)
    assert (step(image, draws(1, step)[0]) != 255).any()


TABLES = {policy: operations(policy, FILL) for policy in ("paper", "timm")}
OPERATIONS = [(policy, name) for policy, table in TABLES.items() for name in table]


@pytest.mark.parametrize(("policy", "name"), OPERATIONS)
def test_each_operation_keeps_shape_and_leaves_its_input_alone(policy, name):
    for image in (RGB, GRAY, np.zeros((1, 1, 3), np.uint8)):
        before = image.copy()
        for strength in (0.0, 0.5, 1.0):
            for sign in (-1.0, 1.0):
                changed = TABLES[policy][name](image, strength, sign)
                assert changed.shape == image.shape
                assert changed.dtype == np.uint8
        assert np.array_equal(image, before)


def test_operations_without_strength_are_the_identity():
    ever = {
        ("paper", "auto_contrast"),
        ("paper", "equalize"),
        ("timm", "auto_contrast"),
        ("timm", "equalize"),
    }
    for policy, name in set(OPERATIONS) - ever - {("timm", "invert"), ("timm", "posterize")}:
        changed = TABLES[policy][name](RGB, 0.0, 1.0)
        np.testing.assert_allclose(changed.astype(int), RGB, atol=1, err_msg=f"{policy} {name}")


def test_known_answers_of_operations():
    assert ops.posterize(np.array([[[255, 129, 7]]], np.uint8), 4).tolist() == [[[240, 128, 0]]]
    assert ops.solarize(np.array([[[255, 128, 7]]], np.uint8), 128).tolist() == [[[0, 127, 7]]]
    assert ops.solarize_add(np.array([[[255, 128, 127, 7]]], np.uint8), 77).tolist() == [
        [[255, 128, 204, 84]]
    ]
    ramp = np.arange(50, 150, dtype=np.uint8).reshape(10, 10, 1)
    stretched = ops.auto_contrast(ramp)
    assert (stretched.min(), stretched.max()) == (0, 255)
    flat = np.full((4, 4, 3), 7, np.uint8)
    assert np.array_equal(ops.auto_contrast(flat), flat)
    equalized = ops.equalize(np.repeat(ramp, 3, axis=2))
    np.testing.assert_allclose(equalized[..., 0].ravel(), np.arange(100) * 255 / 99, atol=1)
    np.testing.assert_allclose(ops.sharpen(flat, 1.9), flat)


def test_a_quarter_turn_and_a_shift_move_pixels_where_they_should():
    square = RGB[:20]
    turned = ops.warp(square, ops.rotation(square, 90), FILL)
    np.testing.assert_allclose(turned.astype(int), np.rot90(square), atol=1)
    shifted = ops.warp(square, [[1, 0, 3], [0, 1, 0]], FILL)
    assert np.array_equal(shifted[:, 3:], square[:, :-3])
    assert (shifted[:, :3] == [124, 116, 104]).all()


def test_the_list_of_timm_has_timms_strengths():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    flat = ramp.ravel().astype(int)
    for level, bits, threshold, added in (
        (0.7, 2, 77, 77),
        (0.6, 2, 103, 66),
        (1.0, 0, 0, 110),
        (0.0, 4, 256, 0),
    ):
        expected = {
            "invert": 255 - flat,
            "posterize": flat >> (8 - bits) << (8 - bits),
            "solarize": np.where(flat < threshold, flat, 255 - flat),
            "solarize_add": np.where(flat < 128, np.minimum(flat + added, 255), flat),
        }
        for name, values in expected.items():
            assert TABLES["timm"][name](ramp, level, 1.0).ravel().tolist() == values.tolist(), (name, level)
    square = RGB[:20]
    shifted = TABLES["timm"]["shift_x"](square, 1.0, 1.0)  # by 0.45 of 20
    assert np.array_equal(shifted[:, 9:], square[:, :-9])
    assert (shifted[:, :9] == [124, 116, 104]).all()


@pytest.mark.parametrize(("policy", "number"), [("paper", 14), ("timm", 15)])
def test_rand_augment_draws_all_operations_equally(policy, number):
    step = RandAugment(2, 9, FILL, policy)
    assert step.num_draws == 10
    assert len(TABLES[policy]) == number
    counts = np.bincount((draws(500 * number, step)[:, ::5] * number).astype(int).ravel())
    assert len(counts) == number
    assert abs(counts - 1000).max() < 4 * np.sqrt(1000)
    changed = [step(RGB, draw) for draw in draws(50, step)]
    assert len({image.tobytes() for image in changed}) > 25


def carried_out(step, count):
    """Strengths of the operations that ``step`` carries out on each of ``count`` images."""
    table, images = operations(step.policy, step.fill), []
    names = list(table)
    try:
        for name in names:
            table[name] = lambda image, strength, sign: images[-1].append(strength) or image
        for draw in draws(count, step):
            images.append([])
            step(RGB, draw)
    finally:
        operations.cache_clear()
    return images


def test_half_of_the_operations_of_timm_are_carried_out_at_spread_strengths():
    images = carried_out(RandAugment(2, 21, FILL, "timm", 1.5), 4000)
    numbers = np.bincount([len(strengths) for strengths in images]) / 4000
    np.testing.assert_allclose(numbers, [0.25, 0.5, 0.25], atol=4 * np.sqrt(0.25 / 4000))
    strengths = np.concatenate(images)
    np.testing.assert_allclose(strengths.mean(), 0.7, atol=4 * 0.05 / np.sqrt(4000))
    np.testing.assert_allclose(strengths.std(), 0.05, rtol=0.05)
    assert {tuple(strengths) for strengths in carried_out(RandAugment(2, 9, FILL), 20)} == {(0.3, 0.3)}
    assert max(map(max, filter(None, carried_out(RandAugment(2, 30, FILL, "timm", 9), 200)))) == 1.0


def test_results_do_not_depend_on_opencv_threads():
    step = RandAugment(3, 20, FILL)
    before = cv2.getNumThreads()
    results = []
    for threads in (0, 4):
        cv2.setNumThreads(threads)
        results.append([step(RGB, draw).tobytes() for draw in draws(40, step)])
    cv2.setNumThreads(before)
    assert results[0] == results[1]


def test_a_reflecting_shift_is_a_crop_of_the_image_padded_by_its_reflection():
    image = np.random.RandomState(0).randint(0, 256, (6, 6, 3)).astype(np.uint8)
    padded = np.pad(image, ((2, 2), (2, 2), (0, 0)), mode="reflect")
    for row in range(5):
        for column in range(5):
            draws = np.array([(row + 0.5) / 5, (column + 0.5) / 5, 0.7])
            shown = ShiftCrop(2, flip=True, is_reflecting=True)(image, draws)
            np.testing.assert_array_equal(shown, padded[row : row + 6, column : column + 6])
    mirrored = ShiftCrop(2, flip=True, is_reflecting=True)(image, np.array([0.5, 0.5, 0.2]))
    np.testing.assert_array_equal(mirrored, image[:, ::-1])


@pytest.mark.parametrize(
    ("augmentation", "place"),
    [
        (Augmentation(WholeImage(8), 3, (ShiftCrop(2, flip=True),), alternating=2), 2),
        (Augmentation(RandomCrop(8, 9), 3, (), alternating=2), 2),
    ],
)
def test_alternating_images_are_mirrored_every_other_epoch(augmentation, place):
    indices = np.arange(1000)
    numbers = [augmentation.draws(3, np.full(1000, epoch), indices) for epoch in range(4)]
    is_mirrored = [one[:, place] < 0.5 for one in numbers]
    assert 450 < is_mirrored[0].sum() < 550
    np.testing.assert_array_equal(is_mirrored[1], ~is_mirrored[0])
    np.testing.assert_array_equal(is_mirrored[2], is_mirrored[0])
    np.testing.assert_array_equal(is_mirrored[3], is_mirrored[1])
    plain = dataclasses.replace(augmentation, alternating=None)
    others = [number for number in range(augmentation.num_draws) if number != place]
    for epoch, one in enumerate(numbers):  # and nothing else changes
        np.testing.assert_array_equal(
            one[:, others], plain.draws(3, np.full(1000, epoch), indices)[:, others]
        )
