"""Operators that are compiled by their first call are those that MXNet compiles when it is imported."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import FunctionType

import pytest

from gluonlab.runtime.lazy_operators import lazy

OPERATORS = """
import hashlib, sys
from types import FunctionType
{before}
from gluonlab.runtime.mxnet import mx, nd
places = {{
    (module, name): value
    for module, content in list(sys.modules.items()) if module.startswith("mxnet")
    for name, value in vars(content).items()
    if isinstance(value, FunctionType) and (
        "_complete" in (value.__kwdefaults__ or {{}}) or value.__code__.co_filename == "<string>")
}}
waiting = [value for value in places.values() if value.__code__.co_name != value.__name__]
assert nd.relu(nd.array([-1, 2])).asnumpy().tolist() == [0, 2]
assert nd.relu.__code__.co_name == "relu"
assert "Computes rectified linear" in nd.relu.__doc__
for value in waiting:
    value.__kwdefaults__["_complete"]()
digest = hashlib.sha256()
for place, value in sorted(places.items()):
    code = value.__code__
    digest.update(repr((place, code.co_code, code.co_varnames, code.co_names, code.co_flags)).encode())
    digest.update(repr([value.__name__, value.__module__, str(value.__defaults__)]).encode())
    assert value.__doc__
print(len(places), len(waiting), digest.hexdigest())
"""


def operators(before=""):
    """How many there are, how many were not compiled on import, and a digest of them all once they are."""
    script = OPERATORS.format(before=before)
    job = subprocess.run([sys.executable, "-W", "ignore", "-c", script], capture_output=True, text=True)
    assert job.returncode == 0, job.stderr
    count, waiting, digest = job.stdout.split()
    return int(count), int(waiting), digest


def test_all_operators_are_those_of_mxnet_and_none_is_compiled_before_it_is_called():
    count, waiting, digest = operators()
    assert count == waiting > 2500
    # At a prompt, where documentation is read before anything is called, nothing is put off.
    assert operators("sys.ps1 = '>>> '") == (count, 0, digest)


def double_of(handle, name, python_name):
    scope = {}
    exec(f"def {python_name}(x, factor=2, *rest, **named):\n '''Twice x.'''\n return factor * x", None, scope)
    return scope[python_name]


def test_the_first_call_makes_the_same_object_whole():
    double = lazy(double_of)(None, "_double", "double")
    also = double
    assert (double.__name__, double.__doc__) == ("double", "")
    assert double(4) == 8
    assert also.__code__.co_name == "double"
    assert also(4, factor=3, more=1) == 12
    assert double.__doc__ == "Twice x."


def test_threads_may_call_it_for_the_first_time_together():
    for _ in range(200):
        double = lazy(double_of)(None, "_double", "double")
        with ThreadPoolExecutor(8) as pool:
            assert list(pool.map(double, range(32))) == [2 * x for x in range(32)]


def test_an_operator_that_cannot_be_made_says_so_each_time():
    def fail(handle, name, python_name) -> FunctionType:
        raise ValueError(f"no {name}")

    double = lazy(fail)(None, "_double", "double")
    for _ in range(2):
        with pytest.raises(ValueError, match="no _double"):
            double(4)
