"""The wheel alone is whole: built from the sdist, looked into, and tried in an empty environment."""

import json
import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

from gluonlab import __version__

SOURCE = ("gluonlab", "configs", "scripts", "setup.py", "pyproject.toml", "README.md", "LICENSE")


def build(kind, source, target):
    """What a build frontend calls; the name of what was built."""
    code = f"import sys; from setuptools import build_meta; print(build_meta.build_{kind}(sys.argv[1]))"
    job = subprocess.run(
        [sys.executable, "-c", code, str(target)], cwd=source, capture_output=True, text=True
    )
    assert job.returncode == 0, job.stderr
    return target / job.stdout.splitlines()[-1]


@pytest.fixture(scope="module")
def built(root, tmp_path_factory):
    """The sdist, and the wheel that is built from it."""
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    source.mkdir()
    unwanted = shutil.ignore_patterns("__pycache__")
    for name in SOURCE:
        if (root / name).is_dir():
            shutil.copytree(root / name, source / name, ignore=unwanted)
        else:
            shutil.copy(root / name, source)
    sdist = build("sdist", source, folder)
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.14's default
        for member in archive.getmembers():
            archive.extract(member, folder)
    return sdist, build("wheel", folder / f"gluonlab-{__version__}", folder)


def test_the_wheel_holds_every_recipe_and_all_data(built, root):
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(f"gluonlab-{__version__}.dist-info/METADATA").decode()
    for path in (root / "configs").rglob("*.yaml"):
        assert f"gluonlab/recipes/{path.relative_to(root / 'configs')}" in names
    scripts = {name for name in names if name.startswith("gluonlab/scripts/")}
    assert scripts == {"gluonlab/scripts/horovod.sh", "gluonlab/scripts/constraints.txt"}
    tracked = [path for path in (root / "gluonlab").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert {str(path.relative_to(root)) for path in tracked} <= names
    assert not [
        name for name in names if name.split("/")[0] not in ("gluonlab", f"gluonlab-{__version__}.dist-info")
    ]
    assert f"\nVersion: {__version__}\n" in metadata
    assert "\nLicense-Expression: Apache-2.0\n" in metadata


@pytest.mark.slow
def test_what_was_built_passes_the_check_of_the_package_index(built, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    subprocess.run([tmp_path / "venv/bin/pip", "install", "-q", "twine"], check=True)
    subprocess.run([tmp_path / "venv/bin/twine", "check", "--strict", *built], check=True)


@pytest.mark.slow
def test_the_wheel_trains_in_an_empty_environment(built, root, tmp_path):
    venv.create(tmp_path / "venv", with_pip=True)
    programs, here = tmp_path / "venv/bin", tmp_path / "empty"
    here.mkdir()
    pip = [programs / "pip", "install", "-q", "-c", root / "scripts/constraints.txt"]
    subprocess.run([*pip, f"{built[1]}[cpu]"], check=True)
    if sys.version_info >= (3, 13):
        subprocess.run([*pip, "--no-deps", "mxnet"], check=True)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def gluonlab(*words):
        command = [programs / "gluonlab", *words]
        job = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True)
        assert job.returncode == 0, f"{words}\n{job.stdout}{job.stderr}"
        return job.stdout

    assert gluonlab("--version") == f"gluonlab {__version__}\n"
    assert len(gluonlab("recipes", "list", "imagenet/*").splitlines()) > 30
    gluonlab("train", "recipe:digits", "epochs=2", "schedule.warmup_epochs=0.5")
    assert json.loads((here / "runs/digits/summary.json").read_text())["val_images"] == 360
    assert "8,192 images" in gluonlab("train", "recipe:imagenet/resnet50_goyal_8k", "--dry-run")
    assert "DGX H100" in gluonlab(
        "simulate", "recipe:imagenet/resnet50_goyal_8k", "--cluster", "dgx_h100", "--gpus", "64"
    )
    gluonlab("recipes", "copy", "imagenet/resnet50_goyal_8k", "mine.yaml")
    assert "8,192 images" in gluonlab("train", "mine.yaml", "--dry-run")
    gluonlab("init", "new")
    gluonlab("doctor", "--build-horovod", "--no-self-test")  # from the cache where it was built before
    gluonlab("launch", "-n", "2", "recipe:digits", "epochs=1", "schedule.warmup_epochs=0.5", "run_dir=two")
    assert json.loads((here / "two/summary.json").read_text())["val_images"] == 360
