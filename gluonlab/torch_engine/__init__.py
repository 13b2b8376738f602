"""Gluon networks run by PyTorch: their graphs become straight lines of PyTorch calls."""

from __future__ import annotations

from typing import Any

from gluonlab.commands import install_command
from gluonlab.errors import SetupError


def check_torch() -> None:
    """Raise `SetupError` ENV77 if PyTorch cannot be imported."""
    try:
        import torch  # noqa: F401
    except (ImportError, OSError) as error:
        raise SetupError(
            "ENV77", "torch", f"cannot be imported: {error}", f"run {install_command('cpu', '--with-torch')}"
        ) from None


def check_compiler(device: str) -> None:
    """Raise `SetupError` ENV78 if torch.compile does not work for ``device``, for want of g++ say."""
    import torch

    try:
        torch.compile(lambda value: value * 2 + 1)(torch.ones(3, device=device))
    except Exception as error:  # of Dynamo, Inductor, Triton or a compiler
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise SetupError(
            "ENV78",
            "compile: true",
            f"torch.compile does not work: {reason:.200}",
            "install g++, or use compile=false",
        ) from None


def device_of(name: str) -> Any:
    """PyTorch's device ``name``, as "cpu" or "cuda:1"."""
    import torch

    return torch.device(name)


def sees_cuda() -> bool:
    """Whether PyTorch is installed and can use a GPU; imports it."""
    try:
        import torch
    except (ImportError, OSError):
        return False
    return bool(torch.cuda.is_available())
