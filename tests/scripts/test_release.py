"""The release script in a stand-in repository: what it refuses, and that it tags when all is well."""

import shutil
import subprocess
import sys

import pytest

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n## [1.2.3] - 2026-11-28\n"
BUILD = "[build-system]\nrequires = ['setuptools']\n[project]\nname = 'gluonlab'\nversion = '1.2.3'\n"


@pytest.fixture
def repository(root, tmp_path):
    """Like gluonlab's, clean: a version, a heading, pages that are never stale, tests that pass."""
    folder = tmp_path / "repository"
    files = {
        "gluonlab/__init__.py": '__version__ = "1.2.3"\n',
        "benchmarks/__init__.py": "",
        "benchmarks/pages.py": "",
        "scripts/test.sh": "#!/bin/sh\ntrue\n",
        "CHANGELOG.md": CHANGELOG,
        "pyproject.toml": BUILD + "[tool.setuptools]\npackages = ['gluonlab']\n",
        ".gitignore": "/dist/\n/build/\n*.egg-info/\n__pycache__/\n",
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    shutil.copy(root / "scripts/release.sh", folder / "scripts")
    (folder / "scripts/test.sh").chmod(0o755)
    programs = tmp_path / "environment/bin"
    programs.mkdir(parents=True)
    (programs / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (programs / "python").chmod(0o755)
    git(folder, "init", "-q")
    commit(folder)
    return folder


def git(folder, *words):
    who = ("-c", "user.name=x", "-c", "user.email=x@example.org")
    job = subprocess.run(["git", *who, *words], cwd=folder, capture_output=True, text=True, check=True)
    return job.stdout


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "x")


def release(folder, *arguments):
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "GLUONLAB_VENV": str(folder.parent / "environment"),
        "HOME": str(folder.parent),
        **{f"GIT_{role}_{what}": "x@x" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
    }
    command = [str(folder / "scripts/release.sh"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_it_builds_and_tags(repository):
    job = release(repository)
    assert job.returncode == 0, job.stderr
    built = sorted(path.name for path in (repository / "dist").iterdir())
    assert built == ["gluonlab-1.2.3-py3-none-any.whl", "gluonlab-1.2.3.tar.gz"]
    assert git(repository, "tag", "--list") == "v1.2.3\n"
    again = release(repository)
    assert again.returncode == 2
    assert "the tag v1.2.3 exists" in again.stderr


def test_a_dry_run_leaves_no_tag(repository):
    job = release(repository, "--dry-run")
    assert job.returncode == 0, job.stderr
    assert git(repository, "tag", "--list") == ""


@pytest.mark.parametrize(
    ("name", "text", "is_committed", "said"),
    [
        ("new.txt", "x", False, "the working tree has changes"),
        ("gluonlab/__init__.py", '__version__ = "1.2.3.dev0"\n', True, "not of the form 1.2.3"),
        ("gluonlab/__init__.py", '__version__ = "1.2.4"\n', True, "no heading '## [1.2.4] - YYYY-MM-DD'"),
        ("benchmarks/pages.py", "raise SystemExit(1)\n", True, "generated pages are stale"),
        ("scripts/test.sh", "#!/bin/sh\nfalse\n", True, "a check of scripts/test.sh failed"),
    ],
)
def test_it_refuses(repository, name, text, is_committed, said):
    (repository / name).write_text(text)
    if is_committed:
        commit(repository)
    job = release(repository)
    assert (job.returncode, job.stderr.count("error[")) == (2, 1)
    assert said in job.stderr
    assert git(repository, "tag", "--list") == ""
    assert not (repository / "dist").exists()
