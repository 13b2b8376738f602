import pytest

from gluonlab.bench.sweep import largest_that_fits


@pytest.mark.parametrize("limit", [1, 2, 7, 16, 100, 1000])
@pytest.mark.parametrize("first", [1, 8, 64])
def test_the_largest_batch_is_found_to_within_a_sixteenth(limit, first):
    tried = []

    def fits(batch):
        tried.append(batch)
        return batch <= limit

    found = largest_that_fits(fits, first, most=65_536)
    assert found <= limit
    assert limit - found <= max(limit // 16, 0)
    assert len(tried) == len(set(tried)) <= 20


def test_nothing_fits_or_everything_does():
    assert largest_that_fits(lambda batch: False, 8, 64) is None
    assert largest_that_fits(lambda batch: True, 8, 100) == 100
