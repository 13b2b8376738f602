import numpy as np

from gluonlab.data.randomness import permutation, uniforms


def draws(seed, epoch, indices, count):
    indices = np.asarray(indices, np.int64)
    return uniforms(seed, np.full_like(indices, epoch), indices, count)


def test_numbers_depend_on_seed_epoch_and_sample_only():
    together = draws(1, 2, range(100), 5)
    alone = np.concatenate([draws(1, 2, [index], 5) for index in range(100)])
    assert np.array_equal(together, alone)
    reversed_order = draws(1, 2, range(99, -1, -1), 5)
    assert np.array_equal(together, reversed_order[::-1])


def test_seeds_epochs_and_samples_all_matter():
    assert not np.array_equal(draws(1, 2, [3], 4), draws(2, 2, [3], 4))
    assert not np.array_equal(draws(1, 2, [3], 4), draws(1, 3, [3], 4))
    assert not np.array_equal(draws(1, 2, [3], 4), draws(1, 2, [4], 4))


def test_numbers_are_uniform_and_uncorrelated():
    numbers = draws(0, 0, range(20_000), 4)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    counts = np.histogram(numbers, bins=20, range=(0, 1))[0]
    expected = numbers.size / 20
    assert ((counts - expected) ** 2 / expected).sum() < 43.8  # chi-squared, 19 degrees, p = 0.001
    correlations = np.corrcoef(numbers.T) - np.eye(4)
    assert abs(correlations).max() < 4 / np.sqrt(20_000)
    assert abs(np.corrcoef(numbers[:-1, 0], numbers[1:, 0])[0, 1]) < 4 / np.sqrt(20_000)


def test_a_known_value_pins_the_stream_for_every_numpy_version():
    assert permutation(7, 3, 10).tolist() == [6, 0, 5, 8, 7, 9, 2, 4, 1, 3]


def test_a_permutation_holds_each_index_once():
    order = permutation(5, 1, 1001)
    assert np.array_equal(np.sort(order), np.arange(1001))
    assert not np.array_equal(order, permutation(5, 2, 1001))
