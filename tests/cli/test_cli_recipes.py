"""``gluonlab recipes`` in this process; the shipped recipes themselves are under tests/recipes."""

import json
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from gluonlab.cli import recipes
from gluonlab.config import load_config
from gluonlab.config.tree import load_tree
from gluonlab.errors import CheckpointError
from gluonlab.shipped import recipe_names


def run(*words):
    result = CliRunner().invoke(recipes.app, [str(word) for word in words])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.stdout


def test_the_list_says_what_the_recipes_say():
    rows = json.loads(run("list", "--json", "-"))
    assert [row["name"] for row in rows] == recipe_names()
    for row in rows:
        config = load_config(Path(f"recipe:{row['name']}"))
        assert row == {
            "name": row["name"],
            "model": config.model.name,
            "global_batch_size": config.global_batch_size,
            "worker_batch_size": config.worker_size,
            "epochs": config.epochs,
            "optimizer": config.optimizer.name,
            "top1": config.about.expects.get("top1"),
            "paper": config.about.paper,
        }


def test_a_pattern_chooses_and_an_empty_list_says_so():
    assert len(run("list", "imagenet/*_goyal_*").splitlines()) == 4
    empty = run("list", "xyz*")
    assert empty.startswith("no recipe matches 'xyz*'; ")
    assert json.loads(run("list", "xyz*", "--json", "-")) == []


def test_show_prints_the_file_and_resolved_every_key(root):
    assert run("show", "digits") == (root / "configs/digits.yaml").read_text()
    assert run("show", "recipe:digits") == run("show", root / "configs/digits.yaml")
    whole = yaml.safe_load(run("show", "imagenet/resnet50_goyal_8k", "--resolved"))
    assert (whole["data"]["resize"], whole["seed"]) == (256, 0)
    merged = json.loads(run("show", "imagenet/resnet50_goyal_8k", "--json", "-"))
    assert merged["data"]["resize"] == 256
    assert "seed" not in merged


@pytest.mark.parametrize("name", ["digits", "cifar10/techniques", "imagenet/resnet50_goyal_8k"])
def test_a_copy_is_the_same_recipe_wherever_it_lies(name, root, tmp_path):
    for number, given in enumerate((name, root / f"configs/{name}.yaml")):
        target = tmp_path / f"{number}.yaml"
        assert f"{target}: a copy of " in run("copy", given, target)
        assert load_config(target) == load_config(Path(f"recipe:{name}"))
        assert target.read_text().count("#") >= 2


def test_a_copy_overwrites_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("copy", "digits")
    Path("digits.yaml").write_text("mine")
    with pytest.raises(CheckpointError, match="is there already"):
        run("copy", "digits")
    assert Path("digits.yaml").read_text() == "mine"


def test_diff_names_the_keys_that_differ(tmp_path):
    rows = json.loads(run("diff", "imagenet/resnet50_goyal_8k", "imagenet/resnet50_goyal_16k", "--json", "-"))
    assert rows == [{"key": "global_batch_size", "one": 8192, "other": 16384}]
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: recipe:digits\nlast_batch: drop\nabout: {notes: other}\n")
    assert run("diff", "digits", mine).splitlines()[2:] == ["last_batch  rollover  drop"]
    assert run("diff", "digits", "digits") == "no difference: both make the same run\n"


def test_the_faster_reader_of_the_list_reads_the_same():
    for name in recipe_names():
        path = recipes.find_recipe(Path(f"recipe:{name}"))
        fast, strict = recipes._shipped_tree(path), load_tree(path)[0]
        assert {key: fast[key] for key in ("model", "epochs")} == {
            key: strict[key] for key in ("model", "epochs")
        }
