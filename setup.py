"""Package metadata; tool settings are in pyproject.toml, exact versions in scripts/constraints.txt."""

import re
from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent
VERSION = re.findall(r'__version__ = "(.+)"', (ROOT / "gluonlab/__init__.py").read_text())[0]

MXNET = "1.9.1"
EXPORT = ["onnx==1.16.2", "onnxruntime>=1.18,<1.20"]

setup(
    name="gluonlab",
    version=VERSION,
    description="Large-batch distributed training on MXNet Gluon: launch, benchmark, model zoo",
    long_description=(ROOT / "README.md").read_text(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.9,<3.13",
    packages=find_packages(include=["gluonlab", "gluonlab.*"]),
    package_data={
        "gluonlab": ["py.typed", "data/digits.npz", "data/digits.md", "models/imagenet_classes.txt"]
    },
    entry_points={"console_scripts": ["gluonlab = gluonlab.cli.main:main"]},
    # Horovod is not here on purpose: pip builds it in isolation, where it cannot see MXNet.
    # scripts/install.sh builds it against the MXNet of the environment.
    install_requires=[
        "numpy>=1.21,<2",  # MXNet 1.9.1 cannot be imported with NumPy 2
        "pydantic>=2.5,<2.12",
        "PyYAML>=6",
        "typer>=0.12,<0.17",
        "rich>=13,<14",
        "simplejpeg>=1.7,<1.9",
        "opencv-python-headless<=4.11.0.86",  # the last one built for NumPy 1
        "safetensors>=0.4,<0.6",
        "matplotlib>=3.7,<3.10",
        "tensorboardX>=2.6,<2.7",
        "psutil>=5.9",
        'setuptools>=58,<80; python_version >= "3.12"',  # brings distutils back for MXNet
    ],
    extras_require={
        "cpu": [f"mxnet=={MXNET}"],
        "cu112": [
            f"mxnet-cu112=={MXNET}",
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
        "cu112-system": [f"mxnet-cu112=={MXNET}"],  # CUDA 11, cuDNN 8 and NCCL 2 are the system's
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
