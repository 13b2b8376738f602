"""Weight files of other projects: what is in them, and what is refused."""

import io
import os
import pickle
import pickletools
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import safetensors.numpy

from gluonlab.errors import CheckpointError
from gluonlab.runtime.mxnet import mx
from gluonlab.weights.files import check_sha256, read_weights, sha256_of
from gluonlab.weights.mxnet_params import DamagedError, parse_params, write_params
from gluonlab.weights.tensor_pickle import RefusedError
from gluonlab.weights.torch_files import parse_torch
from tests.weights.torch_writer import pickled, torch_legacy, torch_zip, zip_around

FILES = Path(__file__).parent / "files"
TENSORS = OrderedDict(
    [
        ("conv.weight", np.arange(24, dtype="float32").reshape(2, 3, 2, 2)),
        ("bn.num_batches_tracked", np.array(7)),
        ("half", np.arange(6, dtype="float16").reshape(2, 3)),
    ]
)
DTYPES = ("float32", "float64", "float16", "uint8", "int32", "int8", "int64")


def equal(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array)


def problem(path):
    with pytest.raises(CheckpointError) as error:
        read_weights(path)
    return str(error.value)


@pytest.fixture
def written(tmp_path):
    """Write bytes to a file and return its path."""

    def write(raw, name="weights.bin"):
        (tmp_path / name).write_bytes(raw)
        return tmp_path / name

    return write


# MXNet


def test_params_written_by_mxnet_are_read(tmp_path):
    tensors = {dtype: np.arange(6).reshape(2, 1, 3).astype(dtype) for dtype in DTYPES}
    mx.nd.save(str(tmp_path / "x.params"), {n: mx.nd.array(a, dtype=a.dtype) for n, a in tensors.items()})
    found = read_weights(tmp_path / "x.params")
    equal({name: found[name] for name in tensors}, tensors)
    with mx.util.np_shape(True):
        mx.nd.save(str(tmp_path / "np.params"), {"scalar": mx.nd.array(np.array(2.5)), "v": mx.nd.ones((2,))})
    assert read_weights(tmp_path / "np.params")["scalar"] == 2.5


def test_params_written_here_are_those_of_mxnet_to_the_byte(tmp_path):
    tensors = {"arg:a.weight": np.arange(6, dtype="float32").reshape(2, 3), "aux:b": np.ones(4, "float32")}
    write_params(tmp_path / "ours.params", tensors)
    mx.nd.save(str(tmp_path / "theirs.params"), {name: mx.nd.array(a) for name, a in tensors.items()})
    assert (tmp_path / "ours.params").read_bytes() == (tmp_path / "theirs.params").read_bytes()
    assert set(read_weights(tmp_path / "ours.params")) == {"a.weight", "b"}


def test_params_from_before_version_1_are_read():
    header = np.array([0x112, 0, 1], "<u8").tobytes()
    array = np.array([2, 1, 3, 1, 0, 0], "<u4").tobytes() + np.array([1, 2, 3], "<f4").tobytes()
    names = np.array([1, 1], "<u8").tobytes() + b"w"
    np.testing.assert_array_equal(parse_params(header + array + names)["w"], [[1, 2, 3]])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda raw: raw[:200], "tensor 2 of 2: "),
        (lambda raw: raw[:-3], "bytes expected at byte"),
        (lambda raw: raw + b"x", "has 1 bytes after its end"),
        (lambda raw: raw[:16] + b"\xff" * 8 + raw[24:], "claims to hold 18446744073709551615 tensors"),
        (lambda raw: raw[:28] + b"\x01" + raw[29:], "tensor 1 of 2: is sparse"),
        (lambda raw: raw[:32] + b"\x63" + raw[33:], "tensor 1 of 2: has 99 dimensions"),
        (lambda raw: raw[:36] + b"\xff" * 8 + raw[44:], "tensor 1 of 2: has shape (-1, 3)"),
        (lambda raw: raw[:41] + b"\x01" + raw[42:], "tensor 1 of 2: "),
        (lambda raw: raw[:60] + b"\x2a" + raw[61:], "tensor 1 of 2: has unknown type 42"),
        (lambda raw: raw.replace(b"\x01\x00\x00\x00\x00\x00\x00\x00b", b"\x01\x00\x00\x00\x00\x00\x00\x00a"),
         "two tensors of one name"),
    ],
)  # fmt: skip
def test_damaged_params_are_refused_with_file_and_tensor(tmp_path, damage, message):
    path = tmp_path / "x.params"
    write_params(path, {"a": np.ones((2, 3), "float32"), "b": np.ones(40, "float32")})
    path.write_bytes(damage(path.read_bytes()))
    assert problem(path).startswith(f"error[CKP41] {path}: ")
    assert message in problem(path)


# PyTorch


@pytest.mark.parametrize("name", ["zip.pth", "legacy.pth"])
def test_files_written_by_pytorch_are_read(name):
    found = read_weights(FILES / name)
    np.testing.assert_array_equal(found["conv.weight"], TENSORS["conv.weight"])
    assert found["bn.num_batches_tracked"] == 7
    assert found["bn.num_batches_tracked"].dtype == np.int64
    np.testing.assert_array_equal(found["half"], np.arange(6, dtype="float16").reshape(2, 3).T)
    np.testing.assert_array_equal(found["bf"], np.array([1.5, -2], "float32"))


def test_the_weights_of_a_training_checkpoint_are_found():
    found = read_weights(FILES / "nested.pth")
    assert list(found) == ["0.weight", "0.bias", "1.weight", "1.bias", "1.running_mean", "1.running_var",
                           "1.num_batches_tracked"]  # fmt: skip
    assert (found["0.weight"] == 0.5).all()


@pytest.mark.parametrize("write", [torch_zip, torch_legacy, lambda value: torch_zip(value, protocol=4)])
def test_files_as_pytorch_writes_them_are_read(write, written):
    equal(read_weights(written(write(TENSORS))), TENSORS)
    equal(read_weights(written(write({"model": TENSORS, "epoch": 3}))), TENSORS)


class Hostile:
    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


class State:
    """A class that the pickle makes an instance of."""


@pytest.mark.parametrize("protocol", [2, 4])
@pytest.mark.parametrize(
    "make",
    [
        lambda mark: {"w": Hostile(os.system, f"touch {mark}")},
        lambda mark: {"w": Hostile(eval, f"open({str(mark)!r}, 'w')")},
        lambda mark: {"w": Hostile(os.mkdir, str(mark))},
        lambda mark: Hostile(OrderedDict, [("w", Hostile(os.mkdir, str(mark)))]),
        lambda mark: {"w": Hostile(getattr, "text", "upper")},
        lambda mark: {"w": State()},
        lambda mark: {"w": 1 << 4000},
    ],
)
def test_a_pickle_that_asks_for_more_is_refused_and_nothing_is_executed(tmp_path, written, make, protocol):
    mark = tmp_path / "executed"
    program = pickle.dumps(make(mark), protocol) if protocol else b""
    path = written(zip_around(program, {}), "hostile.pth")
    message = problem(path)
    assert message.startswith(f"error[CKP42] {path}: the pickle ")
    assert "nothing was executed" in message
    assert not mark.exists()


ALLOWED_OPCODES = {
    "PROTO", "FRAME", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "EMPTY_DICT", "EMPTY_LIST",
    "EMPTY_TUPLE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINSTRING", "SHORT_BINSTRING", "BININT", "BININT1", "BININT2", "LONG1",
    "BINFLOAT", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "BINPUT", "LONG_BINPUT", "BINGET", "LONG_BINGET",
    "EMPTY_SET", "ADDITEMS", "FROZENSET", "NEWOBJ", "NEWOBJ_EX",
    "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
    "MEMOIZE", "GLOBAL", "STACK_GLOBAL", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "BINPERSID", "REDUCE",
    "BUILD",
}  # fmt: skip


@pytest.mark.parametrize("opcode", [o for o in pickletools.opcodes if o.name not in ALLOWED_OPCODES],
                         ids=lambda opcode: opcode.name)  # fmt: skip
def test_every_other_opcode_is_refused(opcode):
    argument = b"\x00\x00\x00\x00\x00\x00\x00\x00" if opcode.arg and opcode.arg.n != -1 else b"1\n1\n"
    if opcode.name in ("INST", "PERSID", "UNICODE"):
        argument = b"os\nsystem\n"
    if opcode.name in ("STRING",):
        argument = b"'os'\n"
    program = b"\x80\x02]" + opcode.code.encode("latin-1") + argument + b"."
    with pytest.raises(RefusedError, match=f"opcode {opcode.name} "):
        parse_torch(zip_around(program, {}))


@pytest.mark.parametrize(
    ("program", "message"),
    [
        (b"", "damaged pickle"),
        (b"\x80\x02.", "its stack is empty"),
        (b"\x80\x02}(.", "its stack is empty"),
        (b"\x80\x02]K\x01\x86s.", "stack is empty"),
        (b"\x80\x02K\x01K\x02K\x03s.", "no dictionary"),
        (b"\x80\x02}]K\x03s.", "a key is neither text nor a number"),
        (b"\x80\x02}h\x07.", "damaged pickle"),
        (b"\x80\x02}K\x01b.", "no dictionary of tensors|is no dictionary|entries that are no tensors"),
        (b"\x80\x02}X\x01\x00\x00\x00wK\x01s.", "entries that are no tensors: w"),
        (b"\x80\x02}.", "entries that are no tensors"),
        (b"\x80\x02N.", "no dictionary of tensors"),
    ],
)
def test_damaged_pickles_are_refused(program, message):
    with pytest.raises(DamagedError, match=message):
        parse_torch(zip_around(program, {}))


def test_a_tensor_must_lie_within_its_storage():
    arrays = []
    program = pickled({"w": np.ones((2, 3), "float32")}, arrays)
    sizes = b"K\x02K\x03\x86"
    assert program.count(sizes) == 1
    for other in (b"K\x03K\x03\x86", b"K\xffK\x00\x86", b"K\x00K\x03\x86"):
        with pytest.raises(DamagedError, match="does not lie within its storage"):
            parse_torch(zip_around(program.replace(sizes, other), {"data/0": arrays[0].tobytes()}))


def test_damage_of_the_archive_names_the_tensor(written):
    raw = torch_zip(TENSORS)
    at = raw.index(TENSORS["conv.weight"].tobytes()) + 9
    path = written(raw[:at] + bytes([raw[at] ^ 4]) + raw[at + 1 :], "flipped.pth")
    assert problem(path).startswith(f"error[CKP41] {path}: tensor conv.weight: Bad CRC-32")
    missing = zip_around(pickled(TENSORS, []), {})
    assert "tensor conv.weight: " in problem(written(missing))
    short = zip_around(pickled(TENSORS, []), {"data/0": b"1234"})
    assert "tensor conv.weight: has 4 bytes for 24 elements" in problem(written(short))
    assert "damaged zip archive" in problem(written(raw[: len(raw) // 2]))
    legacy = torch_legacy(TENSORS)
    assert "ends within storage 2" in problem(written(legacy[:-3]))


def test_compressed_and_overlapping_archives_are_refused(written):
    import zipfile

    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", b"0" * 100_000)
    assert "compressed" in problem(written(stream.getvalue()))


# All


def test_other_files_and_numbers_that_are_not_finite_are_refused(tmp_path, written):
    assert "error[CKP40]" in problem(written(b"hello, world"))
    assert "error[CKP40]" in problem(written(b""))
    assert "error[CKP02]" in problem(tmp_path / "missing.pth")
    assert "error[CKP02]" in problem(tmp_path)
    weights = {"a": np.ones(3, "float32"), "b": np.array([1, np.nan], "float32")}
    path = written(safetensors.numpy.save(weights))
    assert problem(path) == f"error[CKP43] {path}: tensor b holds numbers that are not finite"
    assert "error[CKP03]" in problem(written(safetensors.numpy.save(TENSORS)[:-3]))


def test_sha256_is_checked_by_any_prefix_of_eight_digits(written):
    path = written(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of(path) == digest
    check_sha256(path, digest[:8].upper())
    for wrong in ("ba7816be", "ba7816b", ""):
        with pytest.raises(CheckpointError, match="CKP44"):
            check_sha256(path, wrong)


# Mutations


def mutated(random, raw):
    """``raw`` with a few bytes changed, cut, doubled, or put in from elsewhere in it."""
    raw = bytearray(raw)
    for _ in range(random.randint(1, 4)):
        kind, at = random.randint(5), random.randint(len(raw))
        span = random.randint(1, 9)
        if kind == 0:
            raw[at] ^= 1 << random.randint(8)
        elif kind == 1:
            raw[at : at + span] = random.bytes(span)
        elif kind == 2:
            del raw[at : at + span]
        elif kind == 3:
            raw[at:at] = raw[at : at + span]
        else:
            other = random.randint(len(raw))
            raw[at : at + span] = raw[other : other + span]
        if len(raw) < 2:
            break
    return bytes(raw[: random.randint(1, len(raw))]) if random.randint(8) == 0 else bytes(raw)


def survive(parse, samples, count, seed=0):
    random = np.random.RandomState(seed)
    refused = 0
    for index in range(count):
        try:
            parse(mutated(random, samples[index % len(samples)]))
        except DamagedError:
            refused += 1
    return refused / count


def params_samples(tmp_path):
    write_params(tmp_path / "x", {"a.weight": np.ones((2, 3), "float32"), "b": np.ones(4, "float32")})
    return [(tmp_path / "x").read_bytes()]


def torch_samples():
    recorded = [pickled(TENSORS, []), pickled(TENSORS, [], protocol=4)]
    files = [torch_zip(TENSORS), torch_legacy(TENSORS), *(path.read_bytes() for path in FILES.glob("*.pth"))]
    return recorded, files


def parse_program(program):
    """As a mutated pickle in a sound archive, which the checksums of the archive would else hide."""
    parse_torch(zip_around(program, {f"data/{key}": a.tobytes() for key, a in enumerate(TENSORS.values())}))


@pytest.mark.parametrize("count", [10_000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mutated_params_are_read_or_refused(tmp_path, count):
    assert survive(parse_params, params_samples(tmp_path), count) > 0.5


@pytest.mark.parametrize("count", [4000, pytest.param(100_000, marks=pytest.mark.slow)])
def test_mutated_pytorch_files_are_read_or_refused(count):
    programs, files = torch_samples()
    assert survive(parse_program, programs, count // 2) > 0.5
    assert survive(parse_torch, files, count - count // 2) > 0.5
