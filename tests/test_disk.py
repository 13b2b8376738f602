"""Errors of the disk name the path, and what is wrong with it."""

import ast
import errno
import os
import stat
from contextlib import nullcontext
from pathlib import Path

import pytest

from gluonlab.disk import make_folder, notes_of, reading, writing
from gluonlab.foreign_errors import as_gluonlab_error

PACKAGE = Path(__file__).parents[1] / "gluonlab"
# What works on an open file, or opens one and goes on: its errors name no file.
CALLS = {
    *("open", "read_bytes", "read_text", "write_bytes", "write_text", "fromfile", "copyfileobj"),
    *("fsync", "pread", "ftruncate", "truncate"),
}
NAMING = {"reading", "writing", "read_with_retries"}


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


def raised_in(context, error):
    with pytest.raises(OSError, match=r".") as raised, context:
        raise error
    return raised.value


def test_an_error_of_an_open_file_gets_its_name_and_what_was_done():
    error = raised_in(writing(Path("/a/b")), OSError(errno.EIO, "Input/output error"))
    assert (error.filename, error.strerror) == ("/a/b", "Input/output error")
    assert notes_of(error) == ["while writing it"]
    assert str(as_gluonlab_error(error)) == "error[IO01] /a/b: Input/output error while writing it"


def test_what_an_error_knows_it_keeps():
    error = raised_in(reading("/a"), FileNotFoundError(errno.ENOENT, "No such file or directory", "/b"))
    assert (type(error), error.filename) == (FileNotFoundError, "/b")
    assert notes_of(raised_in(writing("/c"), error)) == ["while reading it"]
    archive = raised_in(reading("/a"), OSError("not a gzipped file"))
    assert (archive.filename, notes_of(archive)) == (None, [])


def test_an_error_that_nobody_named_tells_the_function_it_came_through(monkeypatch):
    from gluonlab.reporting import traces

    def fail(path):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(traces, "reading", lambda path: nullcontext())
    monkeypatch.setattr(Path, "read_bytes", fail)
    with pytest.raises(OSError, match="Input") as raised:
        traces.traces_of(Path("/run"))
    assert str(as_gluonlab_error(raised.value)) == "error[IO01] a file (traces._content): Input/output error"


def is_named(call, parents):
    """Whether it is within `reading` or `writing`, or a ``try`` that catches OSError and tells by itself."""
    node = call
    while node in parents:
        child, node = node, parents[node]
        if isinstance(node, ast.With):
            contexts = [item.context_expr for item in node.items]
            if any(name_of(one) in NAMING | {"suppress"} for one in contexts if isinstance(one, ast.Call)):
                return True
        if isinstance(node, ast.Call) and name_of(node) in NAMING:
            return True
        if isinstance(node, ast.Try) and child in node.body and any(map(tells, node.handlers)):
            return True
    return False


def tells(handler):
    """Whether an ``except`` catches OSError and does not raise it again as it is."""
    caught = {node.id for node in ast.walk(handler.type or handler) if isinstance(node, ast.Name)}
    is_raised_again = any(isinstance(one, ast.Raise) and one.exc is None for one in handler.body)
    return bool(caught & {"OSError", "Exception"}) and not is_raised_again


def name_of(call):
    return getattr(call.func, "id", getattr(call.func, "attr", ""))


def is_of_the_system(call):
    """Files of /proc, of the package itself, what only opens, and a read whose caller knows the name."""
    text = ast.unparse(call)
    return any(
        word in text
        for word in ("/proc/", "/sys/", "__file__", "os.open", "urlopen", "BytesIO", "pread(descriptor")
    )


def test_no_error_of_a_file_loses_its_name():
    unnamed = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            is_ours = isinstance(call.func, ast.Name) and call.func.id != "open"  # or imported as a function
            if (
                name_of(call) in CALLS
                and not is_ours
                and not is_named(call, parents)
                and not is_of_the_system(call)
            ):
                unnamed.append(f"{path.relative_to(PACKAGE)}:{call.lineno} {name_of(call)}")
    assert unnamed == []


@pytest.mark.parametrize(
    ("arguments", "file"),
    [
        (["schedule", "configs/digits.yaml", "--json", "/dev/full"], "/dev/full"),
        (["schedule", "/proc/self/mem"], "/proc/self/mem"),
        (["report", "{run}"], "{run}/config.json"),
    ],
)
def test_a_disk_that_fails_is_told_with_the_file(run_gluonlab, tmp_path, arguments, file):
    run = tmp_path / "run"
    run.mkdir()
    os.symlink("/proc/self/mem", run / "config.json")  # reading it gives EIO, as a bad disk does
    job = run_gluonlab(*(argument.replace("{run}", str(run)) for argument in arguments))
    assert job.returncode != 0
    assert f" {file.replace('{run}', str(run))}: " in job.stderr
    assert job.stderr.count("\n") == 1


def test_a_summary_that_cannot_be_written_is_named(run_gluonlab, tmp_path):
    run_dir = tmp_path / "run"
    recipe = ["configs/digits.yaml", "epochs=0.1", "schedule.warmup_epochs=0.05", "tensorboard=false"]
    fault = {"GLUONLAB_FAULT": "text.write:0:2+:eio"}  # the configuration is written before
    job = run_gluonlab("train", *recipe, f"run_dir={run_dir}", environment=fault)
    assert job.returncode == 4
    assert job.stderr == f"error[IO01] {run_dir / 'summary.json'}: Input/output error while writing it\n"
