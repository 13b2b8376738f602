"""Each operator by itself: outputs and gradients in float64 are those of MXNet, at corners and ties too."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from gluonlab.runtime.mxnet import mx, nd  # noqa: E402
from gluonlab.torch_engine.network import TorchNetwork  # noqa: E402
from gluonlab.torch_engine.operators import OPERATORS  # noqa: E402
from gluonlab.weights.symbol_graph import parse_symbol  # noqa: E402

S = mx.sym
DRAW = np.random.RandomState(5)


def draw(*shape):
    return DRAW.standard_normal(shape)


def steps(*shape, low=-2):
    """Whole numbers, which are equal to each other and to bounds now and then."""
    return DRAW.randint(low, 3, shape).astype("float64")


def positive(*shape):
    return np.abs(draw(*shape)) + 0.1


IMAGES, ROWS, CUBE = draw(2, 6, 5, 7), draw(4, 6), draw(2, 3, 4)
FLOAT32_ONLY = {"InstanceNorm", "LRN", "SoftmaxActivation"}
FLOAT32_CONSTANTS = {"LeakyReLU", "LayerNorm", "erf"}

# name: (symbol of variables a, b, ..., their values, those that are differentiated, all by default)
CASES = {
    "FullyConnected": (lambda a, b, c: S.FullyConnected(a, b, c, num_hidden=3), [CUBE, draw(3, 12), draw(3)]),
    "FullyConnected rows": (
        lambda a, b: S.FullyConnected(a, b, num_hidden=3, flatten=False, no_bias=True),
        [CUBE, draw(3, 4)],
    ),
    "Convolution": (
        lambda a, b, c: S.Convolution(
            a, b, c, kernel=(3, 2), stride=(2, 1), pad=(1, 0), num_filter=4, num_group=2
        ),
        [IMAGES, draw(4, 3, 3, 2), draw(4)],
    ),
    "Convolution dilated": (
        lambda a, b: S.Convolution(a, b, kernel=(2, 2), dilate=(2, 3), num_filter=2, no_bias=True),
        [IMAGES, draw(2, 6, 2, 2)],
    ),
    "Convolution 1d": (
        lambda a, b: S.Convolution(a, b, kernel=(3,), pad=(1,), num_filter=2, no_bias=True),
        [draw(2, 3, 8), draw(2, 3, 3)],
    ),
    "Deconvolution": (
        lambda a, b: S.Deconvolution(
            a, b, kernel=(3, 4), stride=(2, 3), pad=(1, 0), adj=(1, 2), num_filter=4, num_group=2
        ),
        [IMAGES, draw(6, 2, 3, 4)],
    ),
    "LayerNorm": (lambda a, b, c: S.LayerNorm(a, b, c, axis=-1), [CUBE, draw(4), draw(4)]),
    "LayerNorm middle": (lambda a, b, c: S.LayerNorm(a, b, c, axis=1, eps=1e-3), [CUBE, draw(3), draw(3)]),
    "GroupNorm": (lambda a, b, c: S.GroupNorm(a, b, c, num_groups=3), [IMAGES, draw(3), draw(3)]),
    "InstanceNorm": (lambda a, b, c: S.InstanceNorm(a, b, c), [IMAGES, draw(6), draw(6)]),
    "L2Normalization": (lambda a: S.L2Normalization(a), [IMAGES]),
    "L2Normalization channel": (lambda a: S.L2Normalization(a, mode="channel"), [IMAGES]),
    "L2Normalization spatial": (lambda a: S.L2Normalization(a, mode="spatial"), [IMAGES]),
    "LRN": (lambda a: S.LRN(a, nsize=3, alpha=0.1), [IMAGES]),
    "Embedding": (
        lambda a, b: S.Embedding(a, b, input_dim=5, output_dim=3),
        [np.array([[0.0, 4.0], [2.0, 9.0]]), draw(5, 3)],
        "b",
    ),
    "Activation relu": (lambda a: S.Activation(a, act_type="relu"), [steps(40)]),
    "Activation sigmoid": (lambda a: S.Activation(a, act_type="sigmoid"), [draw(40)]),
    "Activation tanh": (lambda a: S.Activation(a, act_type="tanh"), [draw(40)]),
    "Activation softrelu": (lambda a: S.Activation(a, act_type="softrelu"), [20 * draw(40)]),
    "Activation softsign": (lambda a: S.Activation(a, act_type="softsign"), [steps(40)]),
    "LeakyReLU": (lambda a: S.LeakyReLU(a, slope=0.1), [steps(40)]),
    "LeakyReLU elu": (lambda a: S.LeakyReLU(a, act_type="elu", slope=0.7), [draw(40)]),
    # below zero the gradient of MXNet's SELU is not that of its output, see below
    "LeakyReLU selu": (lambda a: S.LeakyReLU(a, act_type="selu"), [positive(40)]),
    "LeakyReLU gelu": (lambda a: S.LeakyReLU(a, act_type="gelu"), [draw(40)]),
    "LeakyReLU prelu": (lambda a, b: S.LeakyReLU(a, b, act_type="prelu"), [draw(2, 3, 4), draw(3)]),
    "LeakyReLU prelu shared": (lambda a, b: S.LeakyReLU(a, b, act_type="prelu"), [draw(2, 3, 4), draw(1)]),
    "hard_sigmoid": (lambda a: S.hard_sigmoid(a, alpha=0.25), [steps(40, low=-4)]),
    "clip": (lambda a: S.clip(a, a_min=-1, a_max=1), [steps(40)]),
    "smooth_l1": (lambda a: S.smooth_l1(a, scalar=2.0), [draw(40)]),
    "softmax": (lambda a: S.softmax(a, axis=1, temperature=2.0), [CUBE]),
    "softmax length": (
        lambda a, b: S.softmax(a, b, use_length=True, axis=-1),
        [draw(3, 5), np.array([1, 5, 3], "int32")],
        "a",
    ),
    "log_softmax": (lambda a: S.log_softmax(a), [CUBE]),
    "softmin": (lambda a: S.softmin(a), [CUBE]),
    "SoftmaxActivation": (lambda a: S.SoftmaxActivation(a), [ROWS]),
    "SoftmaxActivation channel": (lambda a: S.SoftmaxActivation(a, mode="channel"), [IMAGES]),
    "Dropout always 0": (lambda a: S.Dropout(a, p=0.0), [ROWS]),
    "Pooling max": (
        lambda a: S.Pooling(a, kernel=(3, 2), stride=(2, 1), pad=(1, 0), pool_type="max"),
        [steps(2, 3, 6, 5)],
    ),
    "Pooling full": (
        lambda a: S.Pooling(a, kernel=(3, 3), stride=(2, 2), pool_type="max", pooling_convention="full"),
        [draw(2, 3, 6, 8)],
    ),
    "Pooling avg": (
        lambda a: S.Pooling(a, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg"),
        [IMAGES],
    ),
    "Pooling avg without pad": (
        lambda a: S.Pooling(a, kernel=(3, 3), pad=(1, 1), pool_type="avg", count_include_pad=False),
        [IMAGES],
    ),
    "Pooling avg full": (
        lambda a: S.Pooling(
            a, kernel=(3, 3), stride=(2, 2), pad=(1, 1), pool_type="avg", pooling_convention="full"
        ),
        [draw(2, 3, 6, 8)],
    ),
    "Pooling sum": (lambda a: S.Pooling(a, kernel=(2, 3), pad=(1, 1), pool_type="sum"), [IMAGES]),
    "Pooling 1d": (lambda a: S.Pooling(a, kernel=(2,), stride=(2,), pool_type="max"), [draw(2, 3, 8)]),
    "Pooling global max": (
        lambda a: S.Pooling(a, global_pool=True, pool_type="max", kernel=(1, 1)),
        [IMAGES],
    ),
    "Pooling global avg": (
        lambda a: S.Pooling(a, global_pool=True, pool_type="avg", kernel=(1, 1)),
        [IMAGES],
    ),
    "_contrib_AdaptiveAvgPooling2D": (
        lambda a: S.contrib.AdaptiveAvgPooling2D(a, output_size=(3, 2)),
        [IMAGES],
    ),
    "_contrib_AdaptiveAvgPooling2D one": (
        lambda a: S.contrib.AdaptiveAvgPooling2D(a, output_size=2),
        [IMAGES],
    ),
    "UpSampling": (lambda a: S.UpSampling(a, scale=3, sample_type="nearest"), [IMAGES]),
    "_contrib_BilinearResize2D": (lambda a: S.contrib.BilinearResize2D(a, height=9, width=4), [IMAGES]),
    "SequenceMask": (
        lambda a, b: S.SequenceMask(a, b, use_sequence_length=True, value=-1.0),
        [draw(5, 3, 2), np.array([1.0, 5.0, 3.0])],
        "a",
    ),
    "SequenceMask axis 1": (
        lambda a, b: S.SequenceMask(a, b, use_sequence_length=True, axis=1),
        [draw(3, 5), np.array([1.0, 5.0, 3.0])],
        "a",
    ),
    "SequenceLast": (
        lambda a, b: S.SequenceLast(a, b, use_sequence_length=True),
        [draw(5, 3, 2), np.array([1.0, 5.0, 3.0])],
        "a",
    ),
    "SequenceReverse": (
        lambda a, b: S.SequenceReverse(a, b, use_sequence_length=True),
        [draw(5, 3, 2), np.array([1.0, 5.0, 3.0])],
        "a",
    ),
    "Reshape": (lambda a: S.Reshape(a, shape=(0, -1)), [CUBE]),
    "Reshape join": (lambda a: S.Reshape(a, shape=(-3, -2)), [IMAGES]),
    "Reshape cut": (lambda a: S.Reshape(a, shape=(0, -4, 2, -1, -2)), [IMAGES]),
    "Reshape reverse": (lambda a: S.Reshape(a, shape=(-1, 0), reverse=True), [CUBE]),
    "reshape_like": (lambda a, b: S.reshape_like(a, b), [CUBE, draw(4, 6)], "a"),
    "Flatten": (lambda a: S.Flatten(a), [CUBE]),
    "transpose": (lambda a: S.transpose(a), [CUBE]),
    "transpose axes": (lambda a: S.transpose(a, axes=(1, 2, 0)), [CUBE]),
    "SwapAxis": (lambda a: S.SwapAxis(a, dim1=0, dim2=2), [CUBE]),
    "expand_dims": (lambda a: S.expand_dims(a, axis=-2), [CUBE]),
    "squeeze": (lambda a: S.squeeze(a), [draw(3, 1, 2, 1)]),
    "squeeze axis": (lambda a: S.squeeze(a, axis=1), [draw(3, 1, 2, 1)]),
    "Concat": (lambda a, b: S.Concat(a, b, dim=2), [CUBE, draw(2, 3, 2)]),
    "stack": (lambda a, b: S.stack(a, b, axis=1), [CUBE, draw(2, 3, 4)]),
    "SliceChannel": (lambda a: S.SliceChannel(a, num_outputs=3, axis=1)[1], [CUBE]),
    "SliceChannel squeezed": (
        lambda a: S.SliceChannel(a, num_outputs=2, axis=0, squeeze_axis=True)[1],
        [CUBE],
    ),
    "_split_v2": (lambda a: S.split_v2(a, (1, 3), axis=2)[1], [CUBE]),
    "slice": (lambda a: S.slice(a, begin=(None, 1), end=(None, -1), step=(None, 2)), [IMAGES]),
    "slice backwards": (lambda a: S.slice(a, begin=(1, 4), end=(None, 0), step=(-1, -2)), [draw(3, 6)]),
    "slice_axis": (lambda a: S.slice_axis(a, axis=-1, begin=1, end=None), [CUBE]),
    "slice_like": (lambda a, b: S.slice_like(a, b, axes=(0, 2)), [CUBE, draw(1, 9, 2)], "a"),
    "reverse": (lambda a: S.reverse(a, axis=1), [CUBE]),
    "tile": (lambda a: S.tile(a, reps=(2, 1, 3)), [CUBE]),
    "repeat": (lambda a: S.repeat(a, repeats=2, axis=1), [CUBE]),
    "repeat flat": (lambda a: S.repeat(a, repeats=2), [CUBE]),
    "Pad constant": (
        lambda a: S.Pad(a, mode="constant", constant_value=2.0, pad_width=(0, 0, 0, 0, 1, 2, 3, 0)),
        [IMAGES],
    ),
    "Pad edge": (lambda a: S.Pad(a, mode="edge", pad_width=(0, 0, 0, 0, 1, 2, 3, 1)), [IMAGES]),
    "Pad reflect": (lambda a: S.Pad(a, mode="reflect", pad_width=(0, 0, 0, 0, 1, 2, 3, 1)), [IMAGES]),
    "broadcast_to": (lambda a: S.broadcast_to(a, shape=(0, 5)), [draw(3, 1)]),
    "broadcast_like": (lambda a, b: S.broadcast_like(a, b), [draw(3, 1), draw(3, 4)], "a"),
    "broadcast_axis": (lambda a: S.broadcast_axis(a, axis=1, size=5), [draw(3, 1, 2)]),
    "_contrib_arange_like": (lambda a: S.contrib.arange_like(a, axis=1, start=2.0, step=0.5), [CUBE], ""),
    "take": (lambda a, b: S.take(a, b, axis=1), [CUBE, np.array([[0.0, 2.0], [7.0, -3.0]])], "a"),
    "take wrap": (lambda a, b: S.take(a, b, mode="wrap"), [ROWS, np.array([5.0, -1.0])], "a"),
    "pick": (lambda a, b: S.pick(a, b), [ROWS, np.array([0.0, 5.0, 9.0, 2.0])], "a"),
    "pick keepdims": (lambda a, b: S.pick(a, b, axis=0, keepdims=True), [ROWS, np.arange(6.0) % 4], "a"),
    "gather_nd": (lambda a, b: S.gather_nd(a, b), [ROWS, np.array([[0.0, 3.0], [5.0, 1.0]])], "a"),
    "one_hot": (
        lambda a: S.one_hot(a, depth=3, on_value=2.0, off_value=-1.0, dtype="float64"),
        [np.array([0.0, 2.0, 5.0, -1.0])],
        "",
    ),
    "where": (lambda a, b, c: S.where(a, b, c), [steps(2, 3, 4), CUBE, draw(2, 3, 4)], "bc"),
    "where rows": (lambda a, b, c: S.where(a, b, c), [np.array([0.0, 1.0]), CUBE, draw(2, 3, 4)], "bc"),
    "zeros_like": (lambda a: S.zeros_like(a) + a, [CUBE]),
    "ones_like": (lambda a: S.ones_like(a) * a, [CUBE]),
    "_copy": (lambda a: S.identity(a), [CUBE]),
    "BlockGrad": (lambda a: S.BlockGrad(a) * a, [CUBE]),
    "add_n": (lambda a, b: S.add_n(a, b, a), [CUBE, draw(2, 3, 4)]),
    "_maximum": (lambda a, b: S.maximum(a, b), [steps(40), steps(40)]),
    "_minimum": (lambda a, b: S.minimum(a, b), [steps(40), steps(40)]),
    "broadcast_maximum": (lambda a, b: S.broadcast_maximum(a, b), [steps(5, 1), steps(1, 8)]),
    "broadcast_minimum": (lambda a, b: S.broadcast_minimum(a, b), [steps(5, 1), steps(1, 8)]),
    "_power": (lambda a, b: a**b, [positive(40), draw(40)]),
    "_hypot": (lambda a, b: S.broadcast_hypot(a, b), [positive(40), positive(40)]),
    "broadcast_mod": (lambda a, b: S.broadcast_mod(a, b), [draw(40), positive(40)], "a"),
    "sum": (lambda a: S.sum(a, axis=(0, 2)), [CUBE]),
    "sum all": (lambda a: S.sum(a), [CUBE]),
    "sum exclude": (lambda a: S.sum(a, axis=1, exclude=True), [CUBE]),
    "mean": (lambda a: S.mean(a, axis=-1, keepdims=True), [CUBE]),
    "mean exclude": (lambda a: S.mean(a, axis=0, exclude=True), [CUBE]),
    "prod": (lambda a: S.prod(a, axis=(0, 2)), [positive(2, 3, 4)]),
    "max": (lambda a: S.max(a, axis=1), [steps(4, 9)]),
    "min": (lambda a: S.min(a, axis=(0, 1), keepdims=True), [steps(4, 9)]),
    "norm": (lambda a: S.norm(a, axis=1), [CUBE]),
    "norm 1": (lambda a: S.norm(a, ord=1, axis=1, keepdims=True), [CUBE]),
    "argmax": (lambda a: S.argmax(a, axis=1), [steps(4, 9)], ""),
    "argmin": (lambda a: S.argmin(a, axis=0, keepdims=True), [steps(4, 9)], ""),
    "dot": (lambda a, b: S.dot(a, b), [CUBE, draw(4, 5)]),
    "dot transposed": (lambda a, b: S.dot(a, b, transpose_a=True, transpose_b=True), [ROWS, draw(5, 4)]),
    "batch_dot": (lambda a, b: S.batch_dot(a, b, transpose_b=True), [CUBE, draw(2, 5, 4)]),
    "_linalg_gemm2": (lambda a, b: S.linalg.gemm2(a, b, alpha=2.0, transpose_a=True), [CUBE, draw(2, 3, 2)]),
    "_contrib_div_sqrt_dim": (lambda a: S.contrib.div_sqrt_dim(a), [CUBE]),
}
for sign, call in {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a / b,
}.items():
    CASES[f"elemwise_{sign}"] = (call, [positive(40), positive(40)])
    CASES[f"broadcast_{sign}"] = (
        lambda a, b, sign=sign: getattr(S, f"broadcast_{sign}")(a, b),
        [draw(3, 1), positive(1, 4)],
    )
for name, call in {
    "_plus_scalar": lambda a: a + 2.5,
    "_minus_scalar": lambda a: a - 2.5,
    "_rminus_scalar": lambda a: 2.5 - a,
    "_mul_scalar": lambda a: a * 2.5,
    "_div_scalar": lambda a: a / 2.5,
    "_rdiv_scalar": lambda a: 2.5 / a,
    "_power_scalar": lambda a: a**2.5,
    "_rpower_scalar": lambda a: 2.5**a,
}.items():
    CASES[name] = (call, [positive(40)])
CASES["_maximum_scalar"] = (lambda a: S.maximum(a, 1.0), [steps(40)])
CASES["_minimum_scalar"] = (lambda a: S.minimum(a, 1.0), [steps(40)])
for relation in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal"):
    CASES[f"broadcast_{relation}"] = (
        lambda a, b, relation=relation: S.broadcast_mul(getattr(S, f"broadcast_{relation}")(a, b), b),
        [steps(5, 1), steps(1, 8)],
        "b",
    )
    CASES[f"_{relation}_scalar"] = (
        lambda a, relation=relation: getattr(S._internal, f"_{relation}_scalar")(a, scalar=1.0) * a,
        [steps(40)],
    )
for name in ("abs", "sign", "negative", "relu", "floor", "ceil", "trunc", "square"):
    CASES[name] = (lambda a, name=name: getattr(S, name)(a) + a, [steps(40) + 0.5 * DRAW.randint(0, 2, 40)])
for name in ("exp", "expm1", "sin", "cos", "arctan", "sinh", "cosh", "tanh", "erf", "sigmoid", "softsign"):
    CASES[name] = (lambda a, name=name: getattr(S, name)(a), [draw(40)])
for name in ("arcsin", "arccos", "tan"):
    CASES[name] = (lambda a, name=name: getattr(S, name)(a), [DRAW.uniform(-0.9, 0.9, 40)])
for name in ("sqrt", "rsqrt", "log", "log2", "log10", "log1p", "reciprocal"):
    CASES[name] = (lambda a, name=name: getattr(S, name)(a), [positive(40)])


def in_mxnet(symbol, values, names):
    """Outputs, and gradients for a head gradient that is drawn, which is returned too."""
    arrays = {name: nd.array(value, dtype=value.dtype) for name, value in values.items()}
    gradients = {name: nd.zeros_like(arrays[name]) for name in names}
    bound = symbol.bind(
        mx.cpu(), arrays, gradients, {name: "write" if name in names else "null" for name in values}
    )
    (output,) = bound.forward(is_train=True)
    head = draw(*output.shape)
    if names:
        bound.backward(nd.array(head, dtype=output.dtype))
    return output.asnumpy(), head, {name: gradients[name].asnumpy() for name in names}


@pytest.mark.parametrize("case", CASES)
def test_outputs_and_gradients_are_those_of_mxnet(case):
    build, arrays, *chosen = CASES[case]
    is_single = case.split()[0] in FLOAT32_ONLY
    tolerance = 1e-5 if is_single else 1e-6 if case.split()[0] in FLOAT32_CONSTANTS else 1e-9
    values = {n: a.astype("float32") if is_single else a for n, a in zip("abc", arrays)}
    names = list(chosen[0] if chosen else values)
    symbol = build(*(S.var(name) for name in values))
    expected, head, gradients = in_mxnet(symbol, values, names)
    graph = parse_symbol(symbol.tojson(), case)
    assert case.split()[0] in {node.operator for node in graph.nodes} | {
        "_power",
        "_hypot",
        "_maximum",
        "_minimum",
    }
    network = TorchNetwork(
        graph, values, inputs=(), trained=names, dtype=torch.float32 if is_single else torch.float64
    )
    if not names:
        np.testing.assert_allclose(network.predict()[0], expected, rtol=tolerance, atol=tolerance)
        return
    found = network.train((), [head])
    np.testing.assert_allclose(found.outputs[0].numpy(), expected, rtol=tolerance, atol=tolerance)
    for name in names:
        np.testing.assert_allclose(
            found.gradients[name].numpy(), gradients[name], rtol=tolerance, atol=tolerance
        )


def test_selu_below_zero_has_the_gradient_of_its_value():
    """MXNet 1.9.1 scales the output once more there; the derivative is the output plus a constant."""
    scale, alpha = 1.0507009873554805, 1.6732632423543772
    x = torch.tensor(-positive(40), requires_grad=True)
    OPERATORS["LeakyReLU"].function(x, training=True, act_type="selu").sum().backward()
    np.testing.assert_allclose(x.grad, scale * alpha * np.exp(x.detach().numpy()), rtol=1e-12)


def test_every_operator_has_a_case():
    """Those that are left out here stand in networks of the other tests."""
    elsewhere = {
        *("BatchNorm", "_contrib_BatchNormWithReLU", "RNN", "_rnn_param_concat", "Cast", "_zeros", "_ones"),
        *("SoftmaxOutput", "LinearRegressionOutput", "LogisticRegressionOutput", "MakeLoss", "make_loss"),
        *("reshape", "flatten", "concat", "sum_axis", "max_axis", "min_axis", "fix", "Dropout"),
        *("_plus", "_minus", "_mul", "_div", "_mod", "broadcast_power", "broadcast_hypot"),
        *(
            f"_{relation}"
            for relation in ("equal", "not_equal", "greater", "greater_equal", "lesser", "lesser_equal")
        ),
    }
    assert set(OPERATORS) - {case.split()[0] for case in CASES} <= elsewhere
