"""Errors of the disk name the path, and what is wrong with it."""

import os
import stat

import pytest

from gluonlab.disk import make_folder


def test_a_folder_is_made_with_what_is_above_it(tmp_path):
    make_folder(tmp_path / "a/b", 0o700)
    make_folder(tmp_path / "a/b", 0o700)
    assert stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700
    os.symlink(tmp_path / "a", tmp_path / "link")
    make_folder(tmp_path / "link/c")
    assert (tmp_path / "a/c").is_dir()


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("link", "is a link to {}/nowhere, which is not there"),
        ("link/below", "{}/link is a link to {}/nowhere, which is not there"),
        ("file", "is a file"),
    ],
)
def test_what_is_in_the_way_is_named(tmp_path, place, told):
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError) as raised:
        make_folder(tmp_path / place)
    assert raised.value.filename == str(tmp_path / place)
    assert raised.value.strerror == told.replace("{}", str(tmp_path))


def test_a_run_directory_that_is_a_link_to_nowhere_is_told(run_gluonlab, tmp_path):
    os.symlink(tmp_path / "nowhere", tmp_path / "link")
    job = run_gluonlab("train", "configs/digits.yaml", f"run_dir={tmp_path / 'link'}")
    assert job.returncode == 4
    told = f"cannot be written: is a link to {tmp_path / 'nowhere'}, which is not there"
    assert job.stderr == f"error[CKP01] {tmp_path / 'link'}: {told}\n"
