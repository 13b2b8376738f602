"""Commands that gluonlab prints are run here as they stand, by a shell, where they were printed."""

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gluonlab import commands
from gluonlab.cli.data.fetch import FETCHED, next_step
from gluonlab.cli.data.pack import _next_step
from gluonlab.cli.data.sources import SPLITS
from gluonlab.config import load_config
from gluonlab.config.recipe_file import override, parse_value
from gluonlab.data.packing import encode_png
from gluonlab.data.recordio import RecordWriter, pack_image_record
from gluonlab.data.verified_source import open_verified
from gluonlab.errors import ConfigError, DataError
from gluonlab.models.registry import entry
from gluonlab.shipped import find_recipe, is_recipe
from tests.docs.test_commands import GLUONLAB, found, verbs_of

PACKAGE = Path(commands.__file__).parent
MADE_BY = "gluonlab bench fit "  # a cluster file tells what made it


@pytest.fixture(params=["on PATH", "called by its path"])
def shell(request, tmp_path, root):
    """Runs a line in a folder with a blank in its name; gluonlab is on PATH, or not."""
    folder = tmp_path / "my work"
    folder.mkdir()
    own = str(Path(sys.executable).parent)
    path = [part for part in os.environ["PATH"].split(os.pathsep) if part != own]
    if request.param == "on PATH":
        path.insert(0, own)
    environment = {
        **os.environ,
        "PATH": os.pathsep.join(path),
        "PYTHONPATH": str(root),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }

    def run(line, code=0):
        job = subprocess.run(line, shell=True, cwd=folder, env=environment, capture_output=True, text=True)
        assert job.returncode == code, f"{line}\n{job.stdout}{job.stderr}"
        return job.stdout

    run.folder = folder
    run.path = environment["PATH"]
    run.gluonlab = "gluonlab" if request.param == "on PATH" else f"{own}/gluonlab"
    return run


def next_of(output):
    (line,) = re.findall(r"^next: (.*)$", output, re.MULTILINE)
    return line


def make_images(folder, grays):
    for name, values in grays.items():
        (folder / name).mkdir(parents=True)
        for value in values:
            (folder / name / f"{value}.png").write_bytes(encode_png(np.full((8, 8, 1), value, np.uint8)))


def test_what_follows_packing_runs(shell):
    make_images(shell.folder / "in", {"a b": (1, 2), "c": (3,)})
    (shell.folder / "dup.lst").write_text("0\t0\tin/a b/1.png\n1\t1\tin/c/3.png\n")
    (shell.folder / "my_val.lst").write_text("0\t0\tin/a b/2.png\n")
    output = shell(f"{shell.gluonlab} data pack dup.lst 'out, 2: [x]'")
    keys = ["data.name=record", 'data.train="out, 2: [x]/dup.rec"', "data.classes=2"]
    assert f"for a recipe: {shlex.join(keys)}\n" in output
    assert next_of(output).startswith(f"{shell.gluonlab} data stats ")
    assert "2 images in 2 classes" in shell(next_of(output))
    output = shell(f"{shell.gluonlab} data pack my_val.lst out")
    assert "for a recipe: data.name=record data.val=out/my_val.rec data.classes=1\n" in output
    assert "1 images in 1 classes" in shell(next_of(output))
    output = shell(f"{shell.gluonlab} data pack in 'the train'")
    assert "data.train=the train/train.rec" in shlex.split(output.splitlines()[-2])
    shell(next_of(output))


@pytest.mark.parametrize("shell", ["called by its path"], indirect=True)
def test_digits_are_trained_by_the_command_that_follows_packing(shell):
    line = next_of(shell(f"{shell.gluonlab} data pack digits digits"))
    assert "recipe:digits" in line
    assert "step" in shell(f"{line} epochs=0.1 schedule.warmup_epochs=0 run_dir=run")


def test_what_follows_packing_cifar10_is_a_whole_recipe(root, monkeypatch):
    monkeypatch.chdir(root)
    rows = [
        {"source": "cifar10", "split": split, "path": f"x/{split}.rec", "classes": 10} for split in SPLITS
    ]
    words = shlex.split(_next_step(rows).replace("next: ", ""))
    data = load_config(Path(words[2]), words[3:]).data
    assert (data.name, data.train, data.val) == ("record", "x/train.rec", "x/val.rec")


@pytest.mark.parametrize("name", FETCHED)
def test_what_follows_fetching_is_a_command_with_its_files(name, root, monkeypatch):
    monkeypatch.chdir(root)
    program, *words = shlex.split(next_step(name, "my: data"))
    assert program.endswith("gluonlab")
    command, rest = found(words)
    if command.name == "train":
        assert load_config(Path(rest[0]), rest[1:]).data.path == "my: data"
    else:
        assert (command.name, rest) == ("stats", [name, "--path", "my: data"])


@pytest.mark.parametrize(
    "value", ["a/b.rec", "1", "null", "a: b", "[x]", "it's", 'a "b"', "", " x", "1e3", "é"]
)
def test_an_override_reads_back_as_its_value(value):
    key, text = shlex.split(shlex.quote(override("data.train", value)))[0].split("=", 1)
    assert (key, parse_value(text)) == ("data.train", value)


def test_commands_are_right_from_any_folder(root, tmp_path, monkeypatch):
    monkeypatch.chdir(root)
    assert commands.install_command("cpu") == "./scripts/install.sh cpu"
    monkeypatch.chdir(tmp_path)
    assert commands.install_command() == shlex.quote(f"{root}/scripts/install.sh")
    monkeypatch.setattr(commands, "SOURCE", tmp_path)
    assert shlex.split(commands.install_command())[-2:] == ["install", "gluonlab[cpu]"]
    assert shlex.split(commands.install_command("cpu", "--with-torch"))[-1] == "gluonlab[cpu,torch]"
    assert shlex.split(commands.horovod_command())[1:] == ["doctor", "--build-horovod"]


def test_what_a_refusal_names_runs(shell, monkeypatch):
    monkeypatch.chdir(shell.folder)
    monkeypatch.setenv("PATH", shell.path)
    with RecordWriter("bad ones.rec") as writer:
        for number in range(12):
            writer.write(pack_image_record(0, number, b"<html>"))
    with pytest.raises(DataError) as caught:
        open_verified("record", [Path("bad ones.rec")], 2)
    command = caught.value.problems[-1].hint.replace(" lists them", "")
    assert "12 bad" in shell(command, code=3)
    with pytest.raises(ConfigError) as unknown:
        entry("?")
    assert "resnet50_v1" in shell(unknown.value.problems[0].hint.replace(" shows all", ""))


def calls_of(name):
    """The leading words of each call of a function of `commands`, with where it is."""
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == name:
                words = [each.value if isinstance(each, ast.Constant) else None for each in node.args]
                yield f"{path.name}:{node.lineno}", words[: words.index(None)] if None in words else words


def test_each_command_of_gluonlab_that_is_shown_exists():
    number = 0
    for where, words in calls_of("gluonlab_command"):
        command, rest = found(words)
        known = {"--help"}.union(*(each.opts for each in command.params))
        assert not [word for word in rest if word.startswith("-") and word not in known], where
        number += 1
    assert number >= 8
    script = (PACKAGE.parent / "scripts/install.sh").read_text()
    (options,) = re.findall(r"unknown argument \S+ use (.*)\"", script)
    for where, words in calls_of("install_command"):
        assert set(words) <= set(re.findall(r"[\w-]+", options)), where


def test_no_message_spells_a_command_out():
    verbs = [
        f"{name} ({'|'.join(verbs_of(verb))})" if verbs_of(verb) else name
        for name, verb in verbs_of(GLUONLAB).items()
    ]
    spelled = re.compile(
        rf"(?<![`>])\bgluonlab ({'|'.join(verbs)})\b(?! (on|with) )|scripts/install\.sh|\bpip (un)?install\b"
    )
    for path in sorted(PACKAGE.rglob("*.py")):
        name = str(path.relative_to(PACKAGE))
        tree = ast.parse(path.read_text())
        documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and id(node) not in documentation
            ):
                is_told = spelled.search(node.value) and node.value != MADE_BY
                assert not is_told or name == "commands.py", f"{name}:{node.lineno}: {node.value!r}"


def test_the_quick_start_names_commands_that_run(root):
    lines = re.findall(r"^  \$shown (.*)$", (root / "scripts/quickstart.sh").read_text(), re.MULTILINE)
    assert len(lines) == 3
    for line in lines:
        command, rest = found(shlex.split(line))
        recipes = [word for word in rest if is_recipe(word)]
        assert all(find_recipe(root / name if name.endswith(".yaml") else name).is_file() for name in recipes)
        assert command.name == "evaluate" or len(recipes) == 1
