"""The half of docs/coming_from.md that is ours runs as it stands, in a short form."""

import re

import cv2
import numpy as np
import pytest

from gluonlab.data.digits import load_digits


def programs(page):
    """What stands in a block of code behind its name."""
    return dict(re.findall(r"^<!-- ours: (\S+) -->\n```\w+\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def ours(root):
    return programs((root / "docs/coming_from.md").read_text())


@pytest.fixture
def folder(tmp_path, root):
    """64 digits for training and 20 for validation, as image files and as arrays."""
    for split, count in (("train", 64), ("val", 20)):
        source = load_digits(split)
        images = np.stack([source.image(index) for index in range(count)])
        np.savez(tmp_path / f"{split}.npz", images=images, labels=source.labels[:count])
        for index, (image, label) in enumerate(zip(images, source.labels)):
            path = tmp_path / "images" / split / str(label) / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(path), cv2.resize(image, (40, 40)))
    (tmp_path / "digits.npz").write_bytes((root / "gluonlab/data/digits.npz").read_bytes())
    return tmp_path


def test_each_part_has_a_program_of_ours_and_one_of_theirs(ours, root):
    assert list(ours) == ["gluoncv.yaml", "own.py", "horovod.yaml", "timm.yaml"]
    parts = (root / "docs/coming_from.md").read_text().split("\n## ")[1:]
    assert [part.count("\n```python\n") for part in parts] == [1, 2, 1, 1]
    for part in parts:
        for code in re.findall(r"^```python\n(.*?)^```", part, flags=re.DOTALL | re.MULTILINE):
            compile(code, "coming_from.md", "exec")
        assert re.search(r"no (MXNet )?counterpart", part.replace("\n", " "))


@pytest.mark.parametrize("name", ["gluoncv.yaml", "timm.yaml"])
def test_a_recipe_trains(ours, folder, run_gluonlab, name):
    (folder / name).write_text(ours[name])
    job = run_gluonlab("train", name, "epochs=2", "schedule.warmup_epochs=1", cwd=folder)
    assert job.returncode == 0, job.stderr
    assert (folder / "runs" / name.split(".")[0] / "summary.json").is_file()


def test_a_recipe_trains_on_two_processes(ours, folder, run_gluonlab):
    (folder / "horovod.yaml").write_text(ours["horovod.yaml"])
    job = run_gluonlab("launch", "-n", "2", "horovod.yaml", "epochs=2", cwd=folder)
    assert job.returncode == 0, job.stderr
    assert (folder / "runs/horovod/summary.json").is_file()


def test_a_network_of_ones_own_learns(ours, folder, run_processes):
    (folder / "own.py").write_text(ours["own.py"])
    job = run_processes(1, folder / "own.py", cwd=folder)
    top1 = re.fullmatch(r"top-1 ([\d.]+) of 360 images", job.stdout.splitlines()[-1])[1]
    assert float(top1) > 0.9
