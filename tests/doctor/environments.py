"""Environments that lack something: the real one through links, with parts left out or put in."""

import sys
import sysconfig
from pathlib import Path

SITE = Path(sysconfig.get_paths()["purelib"])


def make_environment(folder, without=()):
    """A virtual environment in ``folder`` that links to the packages of this one.

    ``without`` are glob patterns of entries of site-packages, and names of programs and libraries.
    """
    site = folder / SITE.relative_to(sys.prefix)
    for source, target in (
        (SITE, site),
        (Path(sys.prefix, "bin"), folder / "bin"),
        (Path(sys.prefix, "lib"), folder / "lib"),
    ):
        target.mkdir(parents=True, exist_ok=True)
        for entry in source.iterdir():
            is_left_out = any(entry.match(pattern) for pattern in without)
            if not is_left_out and not (target / entry.name).exists():
                (target / entry.name).symlink_to(entry.resolve() if "python" not in entry.name else entry)
    (folder / "bin" / Path(sys.executable).name).unlink(missing_ok=True)
    base = Path(sys.base_prefix, "bin", f"python3.{sys.version_info[1]}")
    (folder / "bin" / Path(sys.executable).name).symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    return site


def add_package(site, name, version, code=""):
    """Put a package into ``site`` that has nothing but a name, a version and ``code``."""
    metadata = site / f"{name.replace('-', '_')}-{version}.dist-info" / "METADATA"
    metadata.parent.mkdir()
    metadata.write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    if code:
        (site / name).mkdir()
        (site / name / "__init__.py").write_text(code)


def drop_extension(site, package, pattern):
    """Link ``package`` file by file, all but those that ``pattern`` matches."""
    (site / package).unlink()
    (site / package).mkdir()
    for entry in sorted((SITE / package).rglob("*")):
        target = site / entry.relative_to(SITE)
        if entry.is_dir():
            target.mkdir(parents=True)
        elif not entry.match(pattern):
            target.symlink_to(entry)
