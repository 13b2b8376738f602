"""Recipes and clusters that ship with gluonlab, by name: ``recipe:cifar10/resnet20``, ``dgx_h100``."""

from __future__ import annotations

from pathlib import Path

from gluonlab.commands import SOURCE, gluonlab_command
from gluonlab.errors import ConfigError

PREFIX = "recipe:"
CLUSTERS = "clusters"
_PACKED = Path(__file__).parent / "recipes"  # setup.py puts configs/ there when it builds a wheel


def shipped_folder() -> Path:
    """The folder of recipes: of the installed package, or ``configs/`` in a checkout."""
    return _PACKED if _PACKED.is_dir() else SOURCE / "configs"


def recipe_names() -> list[str]:
    """Names of the recipes that ship, as ``imagenet/resnet50_goyal_8k``; bases of others are left out."""
    folder = shipped_folder()
    names = (path.relative_to(folder).with_suffix("") for path in folder.rglob("*.yaml"))
    return sorted(str(name) for name in names if name.parts[0] != CLUSTERS and name.name[:5] != "base_")


def cluster_names() -> list[str]:
    """Names of the clusters that ship, such as ``dgx_h100``."""
    return sorted(path.stem for path in (shipped_folder() / CLUSTERS).glob("*.yaml"))


def is_recipe(text: str) -> bool:
    """Whether ``text`` means a recipe, by its name or its file."""
    return text.startswith(PREFIX) or text.endswith((".yaml", ".yml"))


def find_recipe(recipe: Path) -> Path:
    """The file of ``recipe:NAME``; any other path as it is.

    Raises:
        ConfigError: CFG24, no recipe of this name comes with gluonlab.
    """
    if not str(recipe).startswith(PREFIX):
        return recipe
    name = str(recipe)[len(PREFIX) :]
    file = _file(name)
    if file is None:
        near = ", ".join(nearest_recipes(name.removesuffix(".yaml")))
        hint = f"nearest: {near}; {gluonlab_command('recipes', 'list')} shows all"
        raise ConfigError("CFG24", str(recipe), "no recipe has this name", hint)
    return file


def find_cluster(cluster: Path) -> Path:
    """The file of a cluster: ``cluster`` itself if it is a file or named like one, else the one of that name.

    Raises:
        ConfigError: CFG24, no cluster of this name comes with gluonlab.
    """
    if cluster.suffix or len(cluster.parts) != 1 or cluster.is_file():
        return cluster
    file = _file(f"{CLUSTERS}/{cluster}")
    if file is None:
        known = ", ".join(cluster_names())
        raise ConfigError("CFG24", str(cluster), "no cluster has this name", f"a file, or one of {known}")
    return file


def nearest_recipes(name: str, count: int = 3) -> list[str]:
    """The shipped recipes whose whole name, or its last part, is most like ``name``; best first."""
    from difflib import SequenceMatcher

    def likeness(other: str) -> float:
        pairs = ((name, other), (Path(name).name, Path(other).name))
        return max(SequenceMatcher(None, a, b).ratio() for a, b in pairs)

    best = sorted(recipe_names(), key=lambda other: (-likeness(other), other))
    return [PREFIX + near for near in best[:count]]


def _file(name: str) -> Path | None:
    """``name`` may not lead out of the folder."""
    folder = shipped_folder()
    file = folder / f"{name}.yaml"
    is_inside = not Path(name).is_absolute() and ".." not in Path(name).parts
    return file if is_inside and file.is_file() else None
