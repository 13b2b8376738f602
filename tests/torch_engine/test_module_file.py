"""Exported modules: Python that needs neither gluonlab nor MXNet, predicts the same, and can be trained."""

import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gluonlab.models import create  # noqa: E402
from gluonlab.runtime.mxnet import autograd, gluon, mx, nd  # noqa: E402
from gluonlab.torch_engine.module_file import run_module, write_module  # noqa: E402
from gluonlab.weights.gluon_graph import INPUT, graph_of, values_of  # noqa: E402

NETWORKS = ["small_resnet8", "mobilenet_v3_small", "squeezenet1_1"]


@pytest.fixture(params=NETWORKS)
def exported(request, tmp_path):
    """The network, images for it, and the files."""
    mx.random.seed(1)
    net = create(request.param, classes=7)
    net.initialize(mx.init.Xavier())
    channels = 1 if request.param == "small_resnet8" else 3
    images = np.random.RandomState(0).standard_normal((2, channels, 64, 64)).astype("float32")
    files = write_module(tmp_path, request.param, graph_of(net), values_of(net), INPUT, images.shape[1:])
    return net, images, files


def test_a_module_predicts_what_its_network_does(exported):
    net, images, files = exported
    np.testing.assert_allclose(
        run_module(files, images), net(nd.array(images)).asnumpy(), rtol=1e-4, atol=1e-5
    )


def test_a_module_needs_torch_and_safetensors_alone(exported):
    net, images, (source, weights) = exported
    given, result = source.parent / "images.npy", source.parent / "out.npy"
    np.save(given, images)
    code = f"""
import sys
import numpy, torch
sys.path.insert(0, {str(source.parent)!r})
import {source.stem} as module
out = module.load({str(weights)!r}).train(False)(torch.from_numpy(numpy.load({str(given)!r})))
numpy.save({str(result)!r}, out.detach().numpy())
assert not {{"gluonlab", "mxnet"}} & set(sys.modules)
"""
    subprocess.run([sys.executable, "-I", "-c", code], check=True)
    np.testing.assert_allclose(np.load(result), net(nd.array(images)).asnumpy(), rtol=1e-4, atol=1e-5)


def test_a_module_in_training_advances_its_statistics_as_mxnet_does(tmp_path):
    net = gluon.nn.HybridSequential()
    net.add(gluon.nn.Conv2D(4, 3, in_channels=3), gluon.nn.BatchNorm(in_channels=4, momentum=0.8))
    net.initialize(mx.init.Xavier())
    images = np.random.RandomState(0).standard_normal((3, 3, 9, 9)).astype("float32")
    files = write_module(tmp_path, "a-net", graph_of(net), values_of(net), INPUT, images.shape[1:])
    assert [file.name for file in files] == ["a_net.py", "a_net.safetensors"]
    with autograd.record():
        outputs = net(nd.array(images))
    outputs.backward()
    sys.path.insert(0, str(tmp_path))
    try:
        import a_net
    finally:
        sys.path.remove(str(tmp_path))
    module = a_net.load(str(files[1]))
    found = module(torch.from_numpy(images))
    found.sum().backward()
    np.testing.assert_allclose(found.detach(), outputs.asnumpy(), rtol=1e-4, atol=1e-5)
    for name in ("1.running_mean", "1.running_var"):
        expected = net._collect_params_with_prefix()[name].data().asnumpy()
        np.testing.assert_allclose(module.get_buffer(name), expected, rtol=1e-5, atol=1e-6)
    assert {name for name, _ in module.named_parameters()} == {"0.weight", "0.bias", "1.gamma", "1.beta"}
    assert all(parameter.grad is not None for parameter in module.parameters())
