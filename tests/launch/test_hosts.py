"""Host files count as mpirun counts them, and those that it does not read as their programs mean them."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gluonlab.errors import ConfigError
from gluonlab.launch.hosts import MOST_HOSTS, Host, parse_hosts, read_host_file

MPIRUN = Path(sys.executable).parent / "mpirun"


def counted_by_mpirun(path):
    """The slots of each host in a file, or None if mpirun refuses it."""
    job = subprocess.run(
        [MPIRUN, "--allow-run-as-root", "--hostfile", path, "--do-not-launch", "--display", "allocation",
         "-np", "1", "true"],
        capture_output=True, text=True, errors="replace", timeout=60,
    )  # fmt: skip
    first = job.stdout.split("ALLOCATED NODES")[1:2]
    counted = {name: int(slots) for name, slots in re.findall(r"^ +(\S+): slots=(\d+)", "".join(first), re.M)}
    return {name: slots for name, slots in counted.items() if slots} or None


def counted_by_us(path):
    try:
        return {host.name: host.slots for host in read_host_file(path)}
    except ConfigError:
        return None


@pytest.fixture
def write(tmp_path):
    def write_host_file(text):
        path = tmp_path / "hosts"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write_host_file


@pytest.mark.skipif(not MPIRUN.exists(), reason="no mpirun in this environment")
@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a\na\na\nb\nb\n", {"a": 3, "b": 2}),
        ("a\nb\na\nb\n", {"a": 2, "b": 2}),
        ("a slots=8\nb slots=4", {"a": 8, "b": 4}),
        ("a slots = 3\nb slots= 4\nc slots =5\n", {"a": 3, "b": 4, "c": 5}),
        ("a slots=3 max_slots=4\nb max-slots=7 slots=2\n", {"a": 3, "b": 2}),
        ("a max_slots=4\nb cpu-max=7\nc cpu=3\nd count=5\n", {"a": 4, "b": 7, "c": 3, "d": 5}),
        ("# all\n\n  a slots=3 # of four\n// b\n/* c slots=3\n*/\n\t\nd\tslots=4\n", {"a": 3, "d": 4}),
        ("a slots=0\nb slots=3\n", {"b": 3}),
        ("a slots=5\na\n", {"a": 6}),
        ("n-1_x slots=3\n10.1.2.3 slots=4\n", {"n-1_x": 3, "10.1.2.3": 4}),
        ("a slots=5\nb slots=1\na slots=2\n", None),
        ("a\na slots=5\n", None),
        ("a slots=5 max_slots=4\n", None),
        ("a slots=2 slots=3\n", None),
        ("a slots=-1\n", None),
        ("a slots=two\n", None),
        ("a slots\n", None),
        ("a SLOTS=3\n", None),
        ("a cpus=3\n", None),
        ("a=3\n", None),
        ("a slots=2;\n", None),
        ("+n0 slots=3\n", None),
    ],
)
def test_counts_are_those_of_mpirun(write, text, count):
    path = write(text)
    assert counted_by_mpirun(path) == count
    assert counted_by_us(path) == count


@pytest.mark.skipif(not MPIRUN.exists(), reason="no mpirun in this environment")
def test_the_first_part_of_a_name_says_which_host_it_is(write):
    path = write("a.one.org\na.one.org\na\n")
    assert counted_by_mpirun(path) == {"a": 3}
    assert read_host_file(path) == (Host("a.one.org", 3),)


@pytest.mark.parametrize(
    ("text", "hosts"),
    [
        ("a:2\nb:3 # MPICH\na:2\n", (Host("a", 4), Host("b", 3))),
        ("a.org 8 all.q@a.org UNDEFINED\nb.org 4 all.q@b.org <NULL>\n", (Host("a.org", 8), Host("b.org", 4))),
        ("a 4\nb 2\n", (Host("a", 4), Host("b", 2))),
        ("node[01-04,07] slots=3\n", tuple(Host(f"node{n}", 3) for n in ("01", "02", "03", "04", "07"))),
        ("gpu[8-10]-ib,login\n", (*(Host(f"gpu{n}-ib", 1) for n in (8, 9, 10)), Host("login", 1))),
        ("r[1-2]n[08-09]:2\n", tuple(Host(name, 2) for name in ("r1n08", "r1n09", "r2n08", "r2n09"))),
        (b"\xef\xbb\xbfa slots=3\r\nb slots=2\r\n", (Host("a", 3), Host("b", 2))),
        ("a\nb\n", (Host("a", 1), Host("b", 1))),
    ],
)
def test_files_of_other_programs(write, text, hosts):
    assert read_host_file(write(text)) == hosts


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "names no host that takes a process"),
        ("# nothing\n\n", "names no host that takes a process"),
        ("a slots=0\n", "names no host that takes a process"),
        ("a slots=2\nb foo=3\n", "b foo=3 has 'foo=3', which is not understood"),
        ("a b\n", "a b has 'b', which is not understood"),
        ("a:2 max_slots=4\n", "a:2 max_slots=4 gives its number twice"),
        ("a.x\na.y\n", "a.x and a.y are one host to mpirun"),
        ("\x1b[2J" + 100 * "x", "?[2J" + 76 * "x" + "... is no host and number"),
        ("a\nb\na slots=3\n", "a is named before its line with slots="),
        ("joe@a\n", "joe@a is no host and number"),
        ("node[01-04\n", "node[01-04 is no host and number"),
        ("node[4-1]\n", "node[4-1] is no list of hosts"),
        ("node[1-x]\n", "node[1-x] is no list of hosts"),
        ("node[1-999999999]\n", "node[1-999999999] is no list of hosts"),
        ("n[1-999][1-999]\n", f"n[1-999][1-999] is more than {MOST_HOSTS} hosts"),
        (b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_what_is_no_host_file_is_one_line(write, text, what):
    path = write(text)
    with pytest.raises(ConfigError) as caught:
        read_host_file(path)
    message = str(caught.value)
    assert message.startswith(f"error[CLI02] --host-file {path}: {what}")
    assert message.isprintable()


def test_words():
    assert parse_hosts("a:8, b.example:2,10.0.0.1") == (
        Host("a", 8),
        Host("b.example", 2),
        Host("10.0.0.1", 1),
    )
    assert parse_hosts("a,a,b") == (Host("a", 2), Host("b", 1))
    assert parse_hosts("a:2,a:3") == (Host("a", 5),)
    assert parse_hosts("n[1-2,4]:8,b:2") == (*(Host(f"n{n}", 8) for n in (1, 2, 4)), Host("b", 2))
    for wrong in (
        "",
        "a:0",
        "a:x",
        "-oProxyCommand=x:1",
        "a b:1",
        "a:8,,b:8",
        "a:8:9",
        "a.x,a.y",
        "n[1-2",
        "n]",
    ):
        with pytest.raises(ConfigError, match=r"CLI02.*--hosts"):
            parse_hosts(wrong)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_host_file(tmp_path / "none")
