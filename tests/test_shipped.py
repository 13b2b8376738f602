"""Recipes and clusters that ship are found by name, from a checkout and from an installed package."""

import shutil
from pathlib import Path

import pytest
import yaml

from gluonlab import shipped
from gluonlab.config import load_config
from gluonlab.config.cluster import load_cluster
from gluonlab.errors import ConfigError


def test_every_file_has_a_name_and_is_whole(root):
    files = sorted((root / "configs").rglob("*.yaml"))
    clusters = [path.stem for path in files if path.parent.name == "clusters"]
    assert shipped.cluster_names() == sorted(clusters)
    assert all(load_cluster(Path(name)).name for name in clusters)
    bases = [path for path in files if path.name.startswith("base_")]
    names = shipped.recipe_names()
    assert len(names) + len(clusters) + len(bases) == len(files)
    for name in names:
        found = shipped.find_recipe(Path(shipped.PREFIX + name))
        assert found == root / f"configs/{name}.yaml"
        load_config(Path(shipped.PREFIX + name))


def test_an_installed_package_has_them_inside(root, tmp_path, monkeypatch):
    shutil.copytree(root / "configs", tmp_path / "recipes")
    monkeypatch.setattr(shipped, "_PACKED", tmp_path / "recipes")
    assert shipped.find_recipe(Path("recipe:digits")) == tmp_path / "recipes/digits.yaml"
    assert len(shipped.recipe_names()) > 40
    assert load_config(Path("recipe:imagenet/resnet50_goyal_8k")).global_batch_size == 8192


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("imagenet/resnet50_goyal8k", "recipe:imagenet/resnet50_goyal_8k"),
        ("goyal_16k", "recipe:imagenet/resnet50_goyal_16k"),
        ("digit.yaml", "recipe:digits"),
        ("../configs/digits", "recipe:digits"),
        ("clusters", None),
        ("", None),
    ],
)
def test_an_unknown_name_is_told_the_nearest(name, near):
    with pytest.raises(ConfigError) as caught:
        load_config(Path(f"recipe:{name}"))
    (problem,) = caught.value.problems
    assert problem.code == "CFG24"
    assert near is None or problem.hint.startswith(f"nearest: {near}, ")


def test_an_unknown_cluster_is_told_all_of_them(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=r"error\[CFG24\] dgx_h10: .*one of abci_v100, .*dgx_h100"):
        load_cluster(Path("dgx_h10"))
    with pytest.raises(ConfigError, match="CFG01"):
        load_cluster(Path("dgx_h100.yaml"))  # a file of this name, which is not there


def test_a_file_here_comes_before_a_cluster_of_its_name(tmp_path, monkeypatch, root):
    monkeypatch.chdir(tmp_path)
    mine = yaml.safe_load((root / "configs/clusters/dgx_h100.yaml").read_text())
    Path("dgx_h100").write_text(yaml.safe_dump({**mine, "name": "mine"}))
    assert load_cluster(Path("dgx_h100")).name == "mine"


def test_a_recipe_of_ones_own_extends_one_that_ships(tmp_path):
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: recipe:imagenet/resnet50_goyal_8k\nepochs: 91\n")
    config = load_config(mine)
    assert (config.epochs, config.global_batch_size, config.data.classes) == (91, 8192, 1000)
