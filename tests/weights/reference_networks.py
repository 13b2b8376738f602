"""Networks of torchvision and timm, written from their published structure with their tensor names.

Each function builds the network as an ONNX graph, layer by layer, and makes random weights on the way:
nothing here knows gluonlab. ``reference(name)`` gives weights by name, and a function images -> logits.
"""

from functools import lru_cache
from math import prod
from types import MappingProxyType

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET = 13


class Graph:
    """A network in the making; each method adds a layer and returns the name of its output."""

    def __init__(self, seed=0):
        self.tensors, self._nodes, self._constants = {}, [], {}
        self._random = np.random.default_rng(seed)

    def op(self, kind, *inputs, **attributes):
        name = f"x{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, list(inputs), [name], **attributes))
        return name

    def constant(self, values, dtype="float32"):
        name = f"c{len(self._constants)}"
        self._constants[name] = np.array(values, dtype)
        return name

    def weight(self, name, *shape):
        self.tensors[name] = (self._random.standard_normal(shape) * (2 / prod(shape[1:])) ** 0.5).astype(
            "float32"
        )
        return name

    def uniform(self, name, low, high, size):
        self.tensors[name] = self._random.uniform(low, high, size).astype("float32")
        return name

    def conv(self, name, x, inputs, outputs, kernel, stride=1, pad=None, groups=1, bias=False):
        pad = kernel // 2 if pad is None else pad
        weights = [self.weight(f"{name}.weight", outputs, inputs // groups, kernel, kernel)]
        weights += [self.uniform(f"{name}.bias", -0.2, 0.2, outputs)] if bias else []
        return self.op("Conv", x, *weights, kernel_shape=[kernel] * 2, strides=[stride] * 2,
                       pads=[pad] * 4, group=groups)  # fmt: skip

    def bn(self, name, x, channels, epsilon=1e-5):
        self.tensors[f"{name}.num_batches_tracked"] = np.array(0)
        parts = [
            ("weight", 0.5, 1.5),
            ("bias", -0.3, 0.3),
            ("running_mean", -0.4, 0.4),
            ("running_var", 0.5, 2),
        ]
        parts = [self.uniform(f"{name}.{part}", low, high, channels) for part, low, high in parts]
        return self.op("BatchNormalization", x, *parts, epsilon=epsilon)

    def relu(self, x):
        return self.op("Relu", x)

    def pool(self, x, kind, kernel, stride, pad=0, **more):
        return self.op(kind, x, kernel_shape=[kernel] * 2, strides=[stride] * 2, pads=[pad] * 4, **more)

    def linear(self, name, x, inputs, outputs):
        weights = (
            self.weight(f"{name}.weight", outputs, inputs),
            self.uniform(f"{name}.bias", -0.1, 0.1, outputs),
        )
        return self.op("Gemm", x, *weights, transB=1)

    def flat(self, x):
        return self.op("Flatten", x)

    def mean(self, x):
        return self.op("GlobalAveragePool", x)

    def session(self, logits):
        initializers = {**self.tensors, **self._constants}
        graph = helper.make_graph(
            self._nodes,
            "reference",
            [helper.make_tensor_value_info("images", TensorProto.FLOAT, [None, 3, None, None])],
            [helper.make_tensor_value_info(logits, TensorProto.FLOAT, None)],
            [numpy_helper.from_array(array, name) for name, array in initializers.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.log_severity_level = 1, 3
        return onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])


def resnet(g, blocks, *, bottleneck, groups=1, width=64, is_deep=False, has_se=False):
    """torchvision's ResNet, ResNeXt, Wide ResNet; timm's SE-ResNet (``has_se``), ResNet-D (``is_deep``)."""
    if is_deep:
        x = g.relu(g.bn("conv1.1", g.conv("conv1.0", "images", 3, 32, 3, 2), 32))
        x = g.relu(g.bn("conv1.4", g.conv("conv1.3", x, 32, 32, 3), 32))
        x = g.conv("conv1.6", x, 32, 64, 3)
    else:
        x = g.conv("conv1", "images", 3, 64, 7, 2)
    x = g.pool(g.relu(g.bn("bn1", x, 64)), "MaxPool", 3, 2, 1)
    channels = 64
    for stage, count in enumerate(blocks):
        planes = 64 * 2**stage
        outputs = planes * (4 if bottleneck else 1)
        for block in range(count):
            stride = 2 if stage > 0 and block == 0 else 1
            name = f"layer{stage + 1}.{block}"
            if bottleneck:
                inner = planes * width // 64 * groups
                y = g.relu(g.bn(f"{name}.bn1", g.conv(f"{name}.conv1", x, channels, inner, 1), inner))
                y = g.conv(f"{name}.conv2", y, inner, inner, 3, stride, groups=groups)
                y = g.relu(g.bn(f"{name}.bn2", y, inner))
                y = g.bn(f"{name}.bn3", g.conv(f"{name}.conv3", y, inner, outputs, 1), outputs)
            else:
                y = g.relu(
                    g.bn(f"{name}.bn1", g.conv(f"{name}.conv1", x, channels, planes, 3, stride), planes)
                )
                y = g.bn(f"{name}.bn2", g.conv(f"{name}.conv2", y, planes, planes, 3), planes)
            if has_se:
                s = g.relu(g.conv(f"{name}.se.fc1", g.mean(y), outputs, outputs // 16, 1, bias=True))
                s = g.op("Sigmoid", g.conv(f"{name}.se.fc2", s, outputs // 16, outputs, 1, bias=True))
                y = g.op("Mul", y, s)
            if stride != 1 or channels != outputs:
                if is_deep:
                    if stride == 2:
                        x = g.pool(x, "AveragePool", 2, 2, ceil_mode=1)
                    x = g.conv(f"{name}.downsample.1", x, channels, outputs, 1)
                    x = g.bn(f"{name}.downsample.2", x, outputs)
                else:
                    x = g.conv(f"{name}.downsample.0", x, channels, outputs, 1, stride)
                    x = g.bn(f"{name}.downsample.1", x, outputs)
            x = g.relu(g.op("Add", x, y))
            channels = outputs
    return g.linear("fc", g.flat(g.mean(x)), channels, 1000)


def mobilenet_v2(g):
    """Sandler et al. 2018, table 2: (expansion, channels, repeats, stride)."""
    relu6 = lambda x: g.op("Clip", x, zero, six)  # noqa: E731
    zero, six = g.constant(0), g.constant(6)
    x = relu6(g.bn("features.0.1", g.conv("features.0.0", "images", 3, 32, 3, 2), 32))
    channels, index = 32, 1
    table = [
        (1, 16, 1, 1),
        (6, 24, 2, 2),
        (6, 32, 3, 2),
        (6, 64, 4, 2),
        (6, 96, 3, 1),
        (6, 160, 3, 2),
        (6, 320, 1, 1),
    ]
    for expansion, outputs, repeats, first_stride in table:
        for repeat in range(repeats):
            stride, name, y, inner = first_stride if repeat == 0 else 1, f"features.{index}.conv", x, channels
            depthwise = 0
            if expansion != 1:
                inner, depthwise = channels * expansion, 1
                y = relu6(g.bn(f"{name}.0.1", g.conv(f"{name}.0.0", y, channels, inner, 1), inner))
            y = g.conv(f"{name}.{depthwise}.0", y, inner, inner, 3, stride, groups=inner)
            y = relu6(g.bn(f"{name}.{depthwise}.1", y, inner))
            y = g.conv(f"{name}.{depthwise + 1}", y, inner, outputs, 1)
            y = g.bn(f"{name}.{depthwise + 2}", y, outputs)
            x = g.op("Add", x, y) if stride == 1 and channels == outputs else y
            channels, index = outputs, index + 1
    x = relu6(g.bn("features.18.1", g.conv("features.18.0", x, 320, 1280, 1), 1280))
    return g.linear("classifier.1", g.flat(g.mean(x)), 1280, 1000)


V3 = {
    "small": ([
      (3, 16, 16, 1, "RE", 2), (3, 72, 24, 0, "RE", 2), (3, 88, 24, 0, "RE", 1), (5, 96, 40, 1, "HS", 2),
      (5, 240, 40, 1, "HS", 1), (5, 240, 40, 1, "HS", 1), (5, 120, 48, 1, "HS", 1), (5, 144, 48, 1, "HS", 1),
      (5, 288, 96, 1, "HS", 2), (5, 576, 96, 1, "HS", 1), (5, 576, 96, 1, "HS", 1),
    ], 1024),
    "large": ([
      (3, 16, 16, 0, "RE", 1), (3, 64, 24, 0, "RE", 2), (3, 72, 24, 0, "RE", 1), (5, 72, 40, 1, "RE", 2),
      (5, 120, 40, 1, "RE", 1), (5, 120, 40, 1, "RE", 1), (3, 240, 80, 0, "HS", 2), (3, 200, 80, 0, "HS", 1),
      (3, 184, 80, 0, "HS", 1), (3, 184, 80, 0, "HS", 1), (3, 480, 112, 1, "HS", 1),
      (3, 672, 112, 1, "HS", 1),
      (5, 672, 160, 1, "HS", 2), (5, 960, 160, 1, "HS", 1), (5, 960, 160, 1, "HS", 1),
    ], 1280),
}  # fmt: skip
"""Howard et al. 2019, tables 1 and 2: (kernel, expanded, channels, has SE, activation, stride)."""


def mobilenet_v3(g, size):
    """torchvision's MobileNetV3: epsilon 0.001, squeeze to a quarter, rounded to a multiple of 8."""
    bn = lambda name, x, channels: g.bn(name, x, channels, epsilon=0.001)  # noqa: E731
    hard_sigmoid = lambda x: g.op("HardSigmoid", x, alpha=1 / 6, beta=0.5)  # noqa: E731
    activations = {"RE": g.relu, "HS": lambda x: g.op("Mul", x, hard_sigmoid(x))}
    swish = activations["HS"]
    table, last = V3[size]
    x = swish(bn("features.0.1", g.conv("features.0.0", "images", 3, 16, 3, 2), 16))
    channels = 16
    for index, (kernel, inner, outputs, has_se, activation, stride) in enumerate(table, 1):
        act, part, y = activations[activation], 0, x
        name = f"features.{index}.block"
        if inner != channels:
            y = act(bn(f"{name}.0.1", g.conv(f"{name}.0.0", y, channels, inner, 1), inner))
            part = 1
        y = g.conv(f"{name}.{part}.0", y, inner, inner, kernel, stride, groups=inner)
        y = act(bn(f"{name}.{part}.1", y, inner))
        part += 1
        if has_se:
            squeezed = max(8, int(inner / 4 + 4) // 8 * 8)
            squeezed += 8 if squeezed < 0.9 * inner / 4 else 0
            s = g.relu(g.conv(f"{name}.{part}.fc1", g.mean(y), inner, squeezed, 1, bias=True))
            s = hard_sigmoid(g.conv(f"{name}.{part}.fc2", s, squeezed, inner, 1, bias=True))
            y, part = g.op("Mul", y, s), part + 1
        y = bn(f"{name}.{part}.1", g.conv(f"{name}.{part}.0", y, inner, outputs, 1), outputs)
        x = g.op("Add", x, y) if stride == 1 and channels == outputs else y
        channels = outputs
    end, wide = f"features.{len(table) + 1}", 6 * channels
    x = swish(bn(f"{end}.1", g.conv(f"{end}.0", x, channels, wide, 1), wide))
    x = swish(g.linear("classifier.0", g.flat(g.mean(x)), wide, last))
    return g.linear("classifier.3", x, last, 1000)


def densenet(g, blocks, growth=32):
    """Huang et al. 2016, table 1."""
    x = g.conv("features.conv0", "images", 3, 2 * growth, 7, 2)
    x = g.pool(g.relu(g.bn("features.norm0", x, 2 * growth)), "MaxPool", 3, 2, 1)
    channels = 2 * growth
    for number, layers in enumerate(blocks, 1):
        for layer in range(1, layers + 1):
            name = f"features.denseblock{number}.denselayer{layer}"
            y = g.relu(g.bn(f"{name}.norm1", x, channels))
            y = g.conv(f"{name}.conv1", y, channels, 4 * growth, 1)
            y = g.relu(g.bn(f"{name}.norm2", y, 4 * growth))
            x = g.op("Concat", x, g.conv(f"{name}.conv2", y, 4 * growth, growth, 3), axis=1)
            channels += growth
        if number < len(blocks):
            name = f"features.transition{number}"
            x = g.conv(f"{name}.conv", g.relu(g.bn(f"{name}.norm", x, channels)), channels, channels // 2, 1)
            x, channels = g.pool(x, "AveragePool", 2, 2), channels // 2
    x = g.mean(g.relu(g.bn("features.norm5", x, channels)))
    return g.linear("classifier", g.flat(x), channels, 1000)


def vgg(g, plan, has_norm):
    """Simonyan and Zisserman 2014; images of 224 px, where torchvision's adaptive pooling does nothing."""
    x, channels, index = "images", 3, 0
    for item in plan:
        if item == "M":
            x, index = g.pool(x, "MaxPool", 2, 2), index + 1
            continue
        x = g.conv(f"features.{index}", x, channels, item, 3, bias=True)
        x = g.relu(g.bn(f"features.{index + 1}", x, item) if has_norm else x)
        channels, index = item, index + (3 if has_norm else 2)
    x = g.relu(g.linear("classifier.0", g.flat(x), 512 * 7 * 7, 4096))
    return g.linear("classifier.6", g.relu(g.linear("classifier.3", x, 4096, 4096)), 4096, 1000)


def alexnet(g):
    """Krizhevsky 2014; images of 224 px."""
    x = g.pool(g.relu(g.conv("features.0", "images", 3, 64, 11, 4, 2, bias=True)), "MaxPool", 3, 2)
    x = g.pool(g.relu(g.conv("features.3", x, 64, 192, 5, bias=True)), "MaxPool", 3, 2)
    x = g.relu(g.conv("features.6", x, 192, 384, 3, bias=True))
    x = g.relu(g.conv("features.8", x, 384, 256, 3, bias=True))
    x = g.pool(g.relu(g.conv("features.10", x, 256, 256, 3, bias=True)), "MaxPool", 3, 2)
    x = g.relu(g.linear("classifier.1", g.flat(x), 256 * 6 * 6, 4096))
    return g.linear("classifier.6", g.relu(g.linear("classifier.4", x, 4096, 4096)), 4096, 1000)


def squeezenet1_1(g):
    """Iandola et al. 2016, version 1.1; pooling rounds up."""
    x = g.relu(g.conv("features.0", "images", 3, 64, 3, 2, 0, bias=True))
    channels = 64
    fires = {3: 16, 4: 16, 6: 32, 7: 32, 9: 48, 10: 48, 11: 64, 12: 64}
    for index in range(2, 13):
        if index not in fires:
            x = g.pool(x, "MaxPool", 3, 2, ceil_mode=1) if index in (2, 5, 8) else x
            continue
        squeeze, name = fires[index], f"features.{index}"
        x = g.relu(g.conv(f"{name}.squeeze", x, channels, squeeze, 1, bias=True))
        left = g.relu(g.conv(f"{name}.expand1x1", x, squeeze, 4 * squeeze, 1, bias=True))
        right = g.relu(g.conv(f"{name}.expand3x3", x, squeeze, 4 * squeeze, 3, bias=True))
        x, channels = g.op("Concat", left, right, axis=1), 8 * squeeze
    return g.flat(g.mean(g.relu(g.conv("classifier.1", x, 512, 1000, 1, bias=True))))


VGG11 = [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]
NETWORKS = {
    "resnet18_v1b": lambda g: resnet(g, (2, 2, 2, 2), bottleneck=False),
    "resnet50_v1b": lambda g: resnet(g, (3, 4, 6, 3), bottleneck=True),
    "resnet50_v1d": lambda g: resnet(g, (3, 4, 6, 3), bottleneck=True, is_deep=True),
    "resnext50_32x4d": lambda g: resnet(g, (3, 4, 6, 3), bottleneck=True, groups=32, width=4),
    "wide_resnet50_2": lambda g: resnet(g, (3, 4, 6, 3), bottleneck=True, width=128),
    "seresnet50": lambda g: resnet(g, (3, 4, 6, 3), bottleneck=True, has_se=True),
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3_small": lambda g: mobilenet_v3(g, "small"),
    "mobilenet_v3_large": lambda g: mobilenet_v3(g, "large"),
    "densenet121": lambda g: densenet(g, (6, 12, 24, 16)),
    "vgg11_bn": lambda g: vgg(g, VGG11, has_norm=True),
    "alexnet": alexnet,
    "squeezenet1_1": squeezenet1_1,
}


@lru_cache(maxsize=1)
def reference(name):
    """Weights of ``name`` as its source calls them, and images (N, 3, H, W) to logits (N, 1000)."""
    graph = Graph()
    session = graph.session(NETWORKS[name](graph))
    return MappingProxyType(graph.tensors), lambda images: session.run(None, {"images": images})[0]


def images_for(name, count=2, seed=1):
    """Random images (N, 3, H, W), as large as the network needs them."""
    size = 224 if name.startswith(("vgg", "alexnet")) else 96
    return np.random.RandomState(seed).standard_normal((count, 3, size, size)).astype("float32")


def relative_difference(found, expected):
    """Largest difference, relative to the largest number expected."""
    return np.abs(found - expected).max() / np.abs(expected).max()
