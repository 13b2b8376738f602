import numpy as np
import pytest

from gluonlab.runtime.mxnet import nd
from gluonlab.training.views import weighted, with_views

IMAGES = np.random.RandomState(0).standard_normal((2, 3, 5, 6)).astype(np.float32)
FILTER = np.random.RandomState(1).standard_normal((1, 3, 5, 6)).astype(np.float32)


def logits(images):
    return (images * nd.array(FILTER)).sum(axis=(2, 3))


def one(images):
    return (images * FILTER).sum((2, 3))


def mirrored(images):
    return (one(images) + one(images[..., ::-1])) / 2


def test_one_view_is_the_network_itself():
    assert with_views(logits, "one") is logits


def test_mirror_images():
    found = with_views(logits, "mirror")(nd.array(IMAGES)).asnumpy()
    np.testing.assert_allclose(found, mirrored(IMAGES), rtol=1e-5, atol=1e-5)


def test_six_views_as_the_speedrun_writes_them():
    padded = np.pad(IMAGES, ((0, 0), (0, 0), (1, 1), (1, 1)), mode="reflect")
    shifted = [padded[:, :, :5, :6], padded[:, :, 2:, 2:]]
    expected = 0.5 * mirrored(IMAGES) + 0.25 * sum(map(mirrored, shifted))
    found = with_views(logits, "mirror_shift")(nd.array(IMAGES)).asnumpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(("views", "count"), [("mirror", 2), ("mirror_shift", 6)])
def test_weights_add_up_to_one(views, count):
    assert len(weighted(views)) == count
    assert sum(share for share, _, _ in weighted(views)) == 1
