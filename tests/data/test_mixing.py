"""mixup and CutMix against what their papers say, and the same draws whoever asks."""

import numpy as np
import pytest

from gluonlab.data.mixing import Mixing, MixingLoader
from gluonlab.data.sampler import Request, Sampler
from gluonlab.epochs import Epochs
from gluonlab.runtime.mxnet import nd

N, SIZE = 6, 8
IMAGES = np.arange(N, dtype="float32").reshape(-1, 1, 1, 1) * np.ones((N, 3, SIZE, SIZE), "float32")
LABELS = np.arange(N, dtype="float32")


def mix(mixing, seed=0):
    parts = mixing(nd.array(IMAGES), nd.array(LABELS), np.random.RandomState(seed))
    return [part.asnumpy() for part in parts]


@pytest.mark.parametrize("seed", range(8))
def test_mixup_blends_each_image_with_its_partner_by_the_share_of_its_label(seed):
    images, labels, partners, share = mix(Mixing(mixup_alpha=0.4), seed)
    assert len(set(share)) == 1
    assert 0.5 <= share[0] <= 1
    assert np.array_equal(labels + partners, np.full(N, N - 1))
    # Image i is i everywhere, so the blend is the mean of the labels by their shares.
    expected = share * labels + (1 - share) * partners
    assert images == pytest.approx(expected.reshape(-1, 1, 1, 1) * np.ones_like(IMAGES), abs=1e-5)


@pytest.mark.parametrize("seed", range(8))
def test_cutmix_pastes_a_box_whose_area_is_the_share_of_its_label(seed):
    images, labels, partners, share = mix(Mixing(cutmix_alpha=1.0), seed)
    for image, label, partner, label_share in zip(images, labels, partners, share):
        assert set(np.unique(image)) <= {label, partner}
        assert (image == label).mean() == pytest.approx(label_share, abs=1e-6)
        assert np.array_equal(image[0], image[2])
        is_own = image[0] == label
        for part in (is_own, ~is_own):  # one of the two is a box
            box = np.ix_(part.any(1), part.any(0))
            if part[box].all():
                break
        else:
            raise AssertionError(image[0])


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_shares_are_drawn_from_the_beta_distribution(alpha):
    shares = np.array([mix(Mixing(mixup_alpha=alpha), seed)[3][0] for seed in range(2000)])
    # Of Beta(a, a) the mean is 1/2 and the variance 1 / (4 (2 a + 1)); folded at 1/2 it keeps the second.
    assert np.mean((shares - 0.5) ** 2) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_as_many_batches_are_mixed_and_cut_as_asked():
    mixing = Mixing(mixup_alpha=1.0, cutmix_alpha=1.0, probability=0.6, cutmix_probability=0.25)
    images = [mix(mixing, seed)[0] for seed in range(1000)]
    is_plain = np.array([np.array_equal(batch, IMAGES) for batch in images])
    is_blended = np.array([not np.isin(batch, LABELS).all() for batch in images])
    assert is_plain.mean() == pytest.approx(0.4, abs=0.06)  # a box may be so small that it is empty
    assert is_blended.mean() == pytest.approx(0.45, abs=0.05)


def test_what_is_not_mixed_has_its_label_alone():
    images, labels, _, share = mix(Mixing(mixup_alpha=1.0, probability=1e-9))
    assert np.array_equal(images, IMAGES)
    assert np.array_equal(labels, LABELS)
    assert share.tolist() == [1.0] * N


class Plain:
    """The images of a request, unmixed."""

    def batches(self, requests):
        ahead = list(requests)  # as a loader that prefetches everything
        for request in ahead:
            yield nd.array(IMAGES[request.indices]), nd.array(LABELS[request.indices])


@pytest.mark.parametrize("processes", [1, 2, 4])
def test_draws_belong_to_the_step_and_the_virtual_worker(processes):
    sampler, loader = Sampler(Epochs(6, 4), 0), MixingLoader(Plain(), Mixing(mixup_alpha=1.0), seed=3)
    per_process, found = 4 // processes, {}
    for rank in range(processes):
        mine = range(rank * per_process, (rank + 1) * per_process)
        requests = list(sampler.requests(2, 4, 1, mine))
        for request, batch in zip(requests, loader.batches(requests)):
            found[request.turn] = float(batch[3].asnumpy()[0])
    assert set(found) == {(step, worker) for step in (2, 3) for worker in range(4)}
    alone = {
        request.turn: float(batch[3].asnumpy()[0])
        for request in sampler.requests(2, 4, 1, range(4))
        for batch in loader.batches([request])
    }
    assert found == alone
    assert len(set(found.values())) == 8


def test_the_images_of_a_loader_that_gives_them_again_are_left_as_they_are():
    request = Request(np.arange(N), np.zeros(N, np.int64), (0, 0))
    images = nd.array(IMAGES)
    Mixing(cutmix_alpha=1.0)(images, nd.array(LABELS), np.random.RandomState(1))
    assert np.array_equal(images.asnumpy(), IMAGES)
    assert request.turn == (0, 0)
