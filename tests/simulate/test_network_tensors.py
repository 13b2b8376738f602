import pytest

from gluonlab import models
from gluonlab.build.gradients import gradient_tensors
from gluonlab.models.inspection import count_multiply_adds, count_parameters


@pytest.mark.parametrize(
    ("name", "shape"), [("resnet50_v1b", (3, 224, 224)), ("cifar_resnet20", (3, 32, 32))]
)
def test_tensors_of_a_network_hold_its_parameters_and_its_arithmetic(name, shape):
    net = models.create(name)
    tensors = gradient_tensors(net, shape)
    assert sum(tensor.elements for tensor in tensors) == count_parameters(net)
    assert sum(tensor.multiply_adds for tensor in tensors) == count_multiply_adds(net, shape)


def test_backward_begins_with_the_last_layer():
    tensors = gradient_tensors(models.create("resnet50_v1b"), (3, 224, 224))
    assert len(tensors) == 161
    assert [tensor.elements for tensor in tensors[:2]] == [1000, 2_048_000]
    assert tensors[-1].elements == 64 * 3 * 7 * 7
