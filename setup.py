"""Package metadata; tool settings are in pyproject.toml, exact versions in scripts/constraints.txt."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.findall(r'__version__ = "(.+)"', (ROOT / "gluonlab/__init__.py").read_text())[0]

MXNET = "1.9.1"
# MXNet's metadata excludes NumPy 2, to which gluonlab.runtime adapts it, so pip cannot bring both. It goes in
# by itself there (pip install --no-deps mxnet), and what it needs is named here.
NUMPY_1 = '; python_version < "3.13"'
MXNET_NEEDS = ["requests>=2.20,<3", "graphviz>=0.8.1,<0.9"]
EXPORT = ["onnx>=1.16,<1.24", "onnxruntime>=1.18,<1.33"]

setup(
    name="gluonlab",
    version=VERSION,
    description="Large-batch distributed training on MXNet Gluon: launch, benchmark, model zoo",
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.9,<3.15",
    packages=find_packages(include=["gluonlab", "gluonlab.*"]),
    package_data={
        "gluonlab": ["py.typed", "data/digits.npz", "data/digits.md", "models/imagenet_classes.txt"]
    },
    entry_points={"console_scripts": ["gluonlab = gluonlab.cli.main:main"]},
    # Horovod is not here on purpose: pip builds it in isolation, where it cannot see MXNet.
    # scripts/install.sh builds it against the MXNet of the environment.
    install_requires=[
        "numpy>=1.21,<3",
        "pydantic>=2.5,<2.15",
        "PyYAML>=6",
        "typer>=0.12,<0.30",
        "rich>=13,<16",
        "simplejpeg>=1.7,<1.10",
        "opencv-python-headless>=4.5,<6",  # beside NumPy 1 up to 4.11.0.86, which pip finds by itself
        "safetensors>=0.4,<0.9,!=0.8.0",  # which writes arrays in Fortran order with their values mixed up
        "matplotlib>=3.7,<3.12",
        "tensorboardX>=2.6,<2.7",
        "psutil>=5.9",
    ],
    extras_require={
        "cpu": [f"mxnet=={MXNET}{NUMPY_1}", *MXNET_NEEDS],
        "cu112": [
            f"mxnet-cu112=={MXNET}{NUMPY_1}",
            *MXNET_NEEDS,
            "nvidia-cuda-runtime-cu11==11.8.89",
            "nvidia-cublas-cu11==11.11.3.6",
            "nvidia-cufft-cu11==10.9.0.58",
            "nvidia-curand-cu11==10.3.0.86",
            "nvidia-cusolver-cu11==11.4.1.48",
            "nvidia-cusparse-cu11==11.7.5.86",
            "nvidia-cuda-nvrtc-cu11==11.8.89",
            "nvidia-nvtx-cu11==11.8.86",
            "nvidia-nccl-cu11==2.21.5",
            "nvidia-cudnn-cu11==8.9.6.50",
        ],
        "cu112-system": [
            f"mxnet-cu112=={MXNET}{NUMPY_1}",
            *MXNET_NEEDS,
        ],  # CUDA 11, cuDNN 8 and NCCL 2 are the system's
        "dev": [
            "pytest",
            "hypothesis",
            "ruff",
            "mypy",
            "types-PyYAML",
            "types-psutil",
            "typing_extensions",
            *EXPORT,
        ],
        "export": EXPORT,
    },
)
