"""Python, NumPy and what pip installed: read from metadata, nothing is imported."""

from __future__ import annotations

import platform
import re
import sys
from collections.abc import Iterator
from importlib import metadata

from gluonlab.commands import install_command, pip_command
from gluonlab.doctor.finding import Finding, fail, ok, warn

MXNET_VERSION = "1.9.1"
NUMPY_RANGE = "NumPy 1.21 to 2.x"
INSTALL = install_command()
_BUILD = re.compile(re.escape(MXNET_VERSION) + r"([.+-]\D.*)?")  # "1.9.1", "1.9.1.post0", "1.9.1+somebody"


def check_packages() -> Iterator[Finding]:
    """Python, NumPy, MXNet's package, and the other requirements."""
    yield _check_python()
    yield _check_numpy()
    yield _check_mxnet_package()
    yield _check_requirements()


def _check_python() -> Finding:
    found = f"{platform.python_version()}, {sys.executable}"
    if not (3, 9) <= sys.version_info[:2] <= (3, 14) or "t" in sys.abiflags:
        return fail(
            "python",
            f"{found}: gluonlab runs on 3.9 to 3.14, not free-threaded",
            f"GLUONLAB_PYTHON=python3.11 {INSTALL}",
        )
    system = f"{platform.system()} on {platform.machine()}"
    if system != "Linux on x86_64":
        return fail("python", f"{found}, {system}", "MXNet's wheels are for Linux on x86-64 only")
    return ok("python", found)


def _check_numpy() -> Finding:
    version = installed_version("numpy")
    if version is None:
        return fail("numpy", "is not installed", INSTALL)
    numbers = tuple(int(number) for number in re.findall(r"\d+", version)[:2])
    if not (1, 21) <= numbers < (3,):
        return fail(
            "numpy", f"{version}: gluonlab runs with {NUMPY_RANGE}", pip_command("install", "numpy>=1.21,<3")
        )
    if numbers >= (2,):
        return ok(
            "numpy",
            f"{version}, to which MXNet is adapted; what pip check says of mxnet and numpy is out of date",
        )
    return ok("numpy", version)


def _check_mxnet_package() -> Finding:
    builds = mxnet_builds()
    if not builds:
        mend = f"{install_command('cpu')}, or on a GPU machine {install_command('cu112')}"
        torch = installed_version("torch")
        if torch:
            return warn(
                "mxnet package",
                f"is not installed: PyTorch {torch} predicts and exports, but nothing can be trained",
                mend,
            )
        return fail("mxnet package", "is not installed", mend)
    found = ", ".join(f"{name} {version}" for name, version in builds.items())
    if len(builds) > 1:
        return fail(
            "mxnet package",
            f"{found}: both fill the same folder, and each breaks the other",
            f"{pip_command('uninstall', '-y', *builds)}; "
            f"then {install_command('cpu')}, or {install_command('cu112')}",
        )
    if not all(_BUILD.fullmatch(version) for version in builds.values()):
        flavour = "cu112" if "mxnet-cu112" in builds else "cpu"
        return fail("mxnet package", f"{found}: gluonlab needs {MXNET_VERSION}", install_command(flavour))
    return ok("mxnet package", found)


def _check_requirements() -> Finding:
    try:
        required = metadata.requires("gluonlab") or []
    except metadata.PackageNotFoundError:
        return fail("packages", "gluonlab itself is not installed in this environment", INSTALL)
    names = [re.split(r"[^\w.-]", line)[0] for line in required if "extra ==" not in line]
    missing = [name for name in names if installed_version(name) is None]
    if missing:
        return fail("packages", f"not installed: {', '.join(missing)}", INSTALL)
    return ok("packages", f"all {len(names)} requirements are installed")


def mxnet_builds() -> dict[str, str]:
    """Name and version of every installed package that fills the folder ``mxnet``."""
    builds = {}
    for package in metadata.distributions():
        name = (package.metadata["Name"] or "").lower().replace("_", "-")
        if re.fullmatch(r"mxnet(-(cu\d+|mkl|native).*)?", name) and name not in builds:
            builds[name] = package.version
    return builds


def installed_version(package: str) -> str | None:
    """Version of an installed ``package``; None if it is not there."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
