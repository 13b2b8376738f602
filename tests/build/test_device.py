import pytest

from gluonlab.build.device import MXNET, TORCH, Device, check_alike, choose_engine, choose_gpu
from gluonlab.errors import SetupError
from gluonlab.runtime.cuda_driver import Gpu
from gluonlab.runtime.mxnet import mx

A100, RTX3090, H100 = Gpu("A100", 8, 0, 40), Gpu("RTX 3090", 8, 6, 24), Gpu("H100", 9, 0, 80)


def test_each_process_of_a_host_has_a_gpu_of_its_own():
    assert [choose_gpu("gpu", rank, 2, [A100, RTX3090]) for rank in range(2)] == [A100, RTX3090]
    assert choose_gpu("auto", 0, 1, [A100]) == A100


def test_the_cpu_is_taken_when_asked_for_or_where_there_is_no_gpu():
    assert choose_gpu("cpu", 0, 4, [A100]) is None
    assert choose_gpu("auto", 0, 4, []) is None


@pytest.mark.parametrize(("ctx", "gpus"), [("gpu", []), ("gpu", [A100]), ("auto", [A100])])
def test_more_processes_than_gpus_are_refused_on_each_of_them(ctx, gpus):
    for rank in range(2):
        with pytest.raises(SetupError, match=rf"ENV08.*2 process.*{len(gpus)} found.*ctx=cpu"):
            choose_gpu(ctx, rank, 2, gpus)


@pytest.fixture
def wheel(monkeypatch):
    """An environment with ``mxnet-cu112``."""
    monkeypatch.setattr("gluonlab.build.device.is_cuda_build_installed", lambda: True)


def test_a_gpu_that_the_wheel_has_no_code_for_is_told_with_the_choices(wheel):
    with pytest.raises(SetupError, match=r"ENV22.*H100, compute capability 9.0.*5.0 to 8.9.*engine=torch"):
        choose_gpu("auto", 0, 1, [H100])
    assert choose_gpu("auto", 0, 1, [H100], TORCH) == H100


@pytest.mark.parametrize(
    ("ctx", "gpus", "mxnet_has_cuda", "torch_sees_gpus", "chosen"),
    [
        ("cpu", [H100], False, True, MXNET),
        ("auto", [], False, True, MXNET),
        ("auto", [A100], True, True, MXNET),
        ("auto", [A100], False, True, TORCH),
        ("auto", [A100], False, False, MXNET),
        ("gpu", [H100], True, True, TORCH),
        ("gpu", [A100, H100], True, True, TORCH),
        ("gpu", [H100], True, False, MXNET),
    ],
)
def test_pytorch_is_taken_for_a_gpu_that_mxnet_has_no_code_for(
    wheel, monkeypatch, ctx, gpus, mxnet_has_cuda, torch_sees_gpus, chosen
):
    monkeypatch.setattr("gluonlab.build.device.has_cuda", lambda: mxnet_has_cuda)
    monkeypatch.setattr("gluonlab.build.device.sees_cuda", lambda: torch_sees_gpus)
    assert choose_engine("auto", ctx, gpus) == chosen
    assert choose_engine("mxnet", ctx, gpus) == MXNET
    assert choose_engine("torch", ctx, gpus) == TORCH


def test_another_build_of_mxnet_than_the_wheel_is_trusted(monkeypatch):
    monkeypatch.setattr("gluonlab.build.device.is_cuda_build_installed", lambda: False)
    monkeypatch.setattr("gluonlab.build.device.has_cuda", lambda: True)
    assert choose_gpu("auto", 0, 1, [H100]) == H100
    assert choose_engine("auto", "auto", [H100]) == MXNET


def test_arrays_stay_on_the_host_where_pytorch_computes_on_a_gpu():
    of_torch, of_mxnet = Device(TORCH, H100, 1), Device(MXNET, A100, 1)
    assert (of_torch.ctx, of_torch.in_torch, str(of_torch)) == (mx.cpu(), "cuda:1", "torch on H100")
    assert (of_mxnet.ctx, str(of_mxnet)) == (mx.gpu(1), "mxnet on A100")
    assert (Device().ctx, Device(TORCH).in_torch, str(Device())) == (mx.cpu(), "cpu", "mxnet on the CPU")


@pytest.mark.parametrize(
    "devices", [["mxnet on A100", "mxnet on RTX 3090"], ["mxnet on A100", "mxnet on A100", "torch on A100"]]
)
def test_processes_on_different_devices_are_refused(devices):
    rank = len(devices) - 1
    with pytest.raises(
        SetupError, match=rf"ENV23\] rank {rank}: computes by {devices[-1]}, rank 0 by mxnet on A100"
    ):
        check_alike(devices)
    check_alike([devices[0]] * 4)


def test_a_gpu_that_is_not_there_is_one_line_and_nothing_is_written(run_gluonlab, tmp_path):
    job = run_gluonlab("train", "configs/digits.yaml", "ctx=gpu", f"run_dir={tmp_path / 'run'}")
    assert job.returncode == 8
    assert job.stderr.startswith("error[ENV08] ctx: gpu: 1 process(es) on this host need a GPU each, 0 found")
    assert job.stderr.count("\n") == 1
    assert not (tmp_path / "run").exists()
