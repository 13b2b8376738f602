import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gluonlab import arrays  # noqa: E402
from gluonlab.losses.blocks import SmoothedCrossEntropy  # noqa: E402
from gluonlab.runtime.mxnet import nd  # noqa: E402
from tests.arrays import facts  # noqa: E402

CPU = torch.device("cpu")


@pytest.mark.parametrize("fact", facts.FACTS, ids=lambda fact: fact.__name__)
def test_fact(fact):
    fact(arrays.of(CPU), CPU)


def test_the_half_is_found_by_a_tensor_and_by_a_device():
    assert arrays.of(CPU) is arrays.of(torch.zeros(2)) is not arrays.of(nd.zeros(2))


def test_a_loss_of_gluon_computes_on_tensors():
    draw, loss = np.random.RandomState(0), SmoothedCrossEntropy(0.1)
    logits, labels = draw.standard_normal((4, 3)).astype("float32"), np.array([0, 2, 1, 1], "float32")
    found = arrays.of(CPU).call(loss, torch.from_numpy(logits), torch.from_numpy(labels))
    assert found.numpy() == pytest.approx(loss(nd.array(logits), nd.array(labels)).asnumpy(), rel=1e-5)


def test_bytes_become_numbers_of_mean_0():
    library = arrays.of(CPU)
    batch, memory = library.host_batch((1, 2, 2, 3), CPU, "uint8")
    memory[:] = np.arange(12).reshape(1, 2, 2, 3)
    mean, scale = (library.from_numpy(np.reshape(one, (1, 3, 1, 1)), CPU) for one in ([0, 1, 2], [1, 2, 4]))
    found = library.to_numpy(library.normalised(batch, mean, scale))
    assert found.tolist() == [[[[0, 3], [6, 9]], [[0, 6], [12, 18]], [[0, 12], [24, 36]]]]
