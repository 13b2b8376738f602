"""oneDNN computes with AMX where there is one, and a process never ends for it."""

import os
import subprocess
import sys

import pytest

from gluonlab.parallel.environment import has_cpu_feature
from gluonlab.runtime import amx

CONVOLUTION = """
from gluonlab.models.lower_precision import compute_in_lower_precision
from gluonlab.runtime.mxnet import gluon, nd
net = gluon.nn.Conv2D(64, 3, in_channels=64)
net.initialize()
net.hybridize(static_alloc=True)
compute_in_lower_precision(net, "bfloat16")
print(net(nd.ones((2, 64, 14, 14))).asnumpy().shape)
"""


def convolve(environment):
    environment = {**os.environ, "DNNL_VERBOSE": "1", **environment}
    job = subprocess.run([sys.executable, "-c", CONVOLUTION], env=environment, capture_output=True, text=True)
    assert job.returncode == 0, job.stderr
    assert "(2, 64, 12, 12)" in job.stdout
    (convolution,) = (line for line in job.stdout.splitlines() if ",convolution," in line)
    return convolution


@pytest.mark.skipif(not has_cpu_feature("amx_bf16"), reason="needs AMX")
def test_bfloat16_is_computed_with_amx(monkeypatch):
    monkeypatch.delenv("DNNL_MAX_CPU_ISA", raising=False)
    assert "avx512_core_amx_bf16" in convolve({})


@pytest.mark.skipif(not has_cpu_feature("avx512bw"), reason="bfloat16 needs AVX-512")
def test_the_users_choice_stays():
    assert "amx" not in convolve({"DNNL_MAX_CPU_ISA": "AVX512_CORE_BF16"})


@pytest.mark.parametrize(("is_permitted", "expected"), [(True, "AVX512_CORE_AMX"), (False, None)])
def test_without_permission_onednn_is_left_as_it_is(is_permitted, expected, monkeypatch):
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "")  # so that what the call sets is taken back
    monkeypatch.delenv("DNNL_MAX_CPU_ISA")
    monkeypatch.setattr(amx, "_kernel_permits_amx", lambda: is_permitted)
    amx.use_amx()
    assert os.environ.get("DNNL_MAX_CPU_ISA") == expected


def test_another_machine_is_not_asked(monkeypatch):
    monkeypatch.setattr(amx.platform, "machine", lambda: "aarch64")
    assert not amx._kernel_permits_amx()
