import numpy as np

from gluonlab.data.description import describe
from gluonlab.data.source import ArraySource


def test_moments_and_counts_are_those_of_numpy():
    images = np.random.RandomState(0).randint(0, 256, (40, 6, 5, 3)).astype(np.uint8)
    found = describe(ArraySource(images, np.arange(40) % 3), threads=2)
    np.testing.assert_allclose(found.mean, images.mean(axis=(0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(found.std, images.std(axis=(0, 1, 2)), atol=1e-3)
    assert found.class_counts == {0: 14, 1: 13, 2: 13}
    assert (found.images, found.measured, found.channels) == (40, 40, 3)
    assert found.height == {"min": 6, "median": 6, "max": 6}
    assert found.bytes_per_image["max"] == 90


def test_a_sample_is_spread_over_the_set():
    ramp = np.repeat(np.arange(101, dtype=np.uint8), 4).reshape(101, 2, 2, 1)
    found = describe(ArraySource(ramp, np.zeros(101, int)), sample=11)
    assert (found.measured, found.mean) == (11, [50.0])
