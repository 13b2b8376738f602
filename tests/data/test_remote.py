"""Shards at addresses: each once and whole, or named; with a real web server and S3 where packages are."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from gluonlab.data.remote import addresses, cache
from gluonlab.data.remote.addresses import RemoteFile, is_remote, shown
from gluonlab.data.remote.cache import fetch, fetched, local_path
from gluonlab.data.sections.shards import MdsSection, ParquetSection, WebDatasetSection
from gluonlab.errors import DataError, SetupError
from tests.data.remote_server import Server
from tests.data.shard_files import COUNT, files_of, image_of, write_mds, write_parquet, write_tar


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch, root):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(root))
    for module in (addresses, cache):
        monkeypatch.setattr(module, "PAUSES", (0.01, 0.02, 0.03))
    monkeypatch.setattr(cache, "STALL_SECONDS", 0.3)


class Storage:
    """A file system of fsspec's shape; ``faults`` are what its next answers do wrong."""

    def __init__(self, files):
        self.files, self.faults, self.asked = files, [], 0

    def info(self, address):
        self._fail("info")
        if address not in self.files:
            raise FileNotFoundError(address)
        return {"size": len(self.files[address]), "ETag": str(hash(self.files[address]))}

    def get_file(self, address, target):
        self.asked += 1
        content = self.files[address]
        fault = self._fail("get")
        if fault == "stall":
            Path(target).write_bytes(content[:3])
            time.sleep(1)
        Path(target).write_bytes(content[:-2] if fault == "short" else content)

    def _fail(self, when):
        fault = self.faults.pop(0) if self.faults and self.faults[0][0] == when else ("", "")
        if isinstance(fault[1], Exception):
            raise fault[1]
        return fault[1]


@pytest.fixture
def storage(monkeypatch):
    its = Storage({f"s3://b/x-{n}.tar": bytes([n]) * 100 for n in range(4)})
    for module in (addresses, cache):
        monkeypatch.setattr(module, "file_system", lambda address: its)
    return its


def all_of(storage):
    return [addresses.described(storage, address) for address in sorted(storage.files)]


def test_what_is_an_address_and_what_is_shown_of_it():
    assert [is_remote(each) for each in ("s3://a/b", "https://a/b", "/a/b", "c:/x", ["s3://a"])] == [
        True, True, False, False, False,
    ]  # fmt: skip
    assert shown("https://me:secret@host/a.tar?X-Amz-Signature=1") == "https://host/a.tar"


def test_files_are_fetched_once_in_their_order_and_again_when_they_change(storage):
    files = all_of(storage)
    for _ in range(2):
        paths = list(fetched(files, files, 1000))
        assert [path.read_bytes() for path in paths] == [bytes([n]) * 100 for n in range(4)]
        assert storage.asked == 4
    storage.files["s3://b/x-2.tar"] = b"new" * 30
    assert fetch(all_of(storage)[2]).read_bytes() == b"new" * 30
    assert storage.asked == 5


@pytest.mark.parametrize(
    "fault", ["stall", "short", ConnectionError("reset by s3://b/secret?key=1"), OSError("cut")]
)
def test_what_passes_is_tried_again_and_what_does_not_is_named(storage, fault):
    file = all_of(storage)[1]
    storage.faults = [("get", fault)] * 3
    assert fetch(file).read_bytes() == b"\x01" * 100
    assert storage.asked == 4
    cache._note(local_path(file)).unlink()
    storage.faults = [("get", fault)] * 4
    with pytest.raises(DataError) as raised:
        fetch(file)
    assert raised.value.exit_code == 3
    said = str(raised.value)
    assert said.startswith("error[DAT46] s3://b/x-1.tar: cannot be fetched, 4 times: ")
    assert "secret" not in said
    deadline = time.monotonic() + 20  # what stalled goes on for a while, and leaves nothing then
    while left := list(local_path(file).parent.glob(".x-1.tar.[0-9]*")):
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


def test_stalls_and_short_files_say_how_far_they_came(storage):
    file = all_of(storage)[0]
    for fault, says in (
        ("stall", "nothing came for 0.3 s, after 3 of 100 bytes"),
        ("short", "98 bytes came, 100 were"),
    ):
        storage.faults = [("get", fault)] * 4
        with pytest.raises(DataError, match=says):
            fetch(file)


def test_what_is_missing_or_refused_is_not_tried_again(storage):
    for error, says in (
        (FileNotFoundError("x"), r"DAT01\] s3://b/x-0.tar: no such file"),
        (
            PermissionError("denied"),
            r"DAT46\] s3://b/x-0.tar: no credentials, or they are refused; set AWS_ACCESS",
        ),
    ):
        storage.faults = [("info", error)]
        with pytest.raises(DataError, match=says):
            all_of(storage)
        assert storage.faults == []


def test_the_cache_is_bounded_and_the_oldest_make_room(storage):
    files = all_of(storage)
    for number, file in enumerate(files[:3]):
        path = fetch(file)
        os.utime(cache._note(path), (number, number))
    list(fetched(files[3:], files[3:], 250))
    assert [local_path(file).exists() for file in files] == [False, False, True, True]
    with pytest.raises(
        DataError, match=r"DAT47\] 4 files such as s3://b/x-0.tar: 4e-07 GB, the cache may hold"
    ):
        list(fetched(files, files, 399))
    assert local_path(files[2]).exists(), "nothing was thrown away for what does not fit anyway"


def test_no_disk_for_it_is_told_before_anything_is_fetched(storage, monkeypatch):
    monkeypatch.setattr(cache.shutil, "disk_usage", lambda path: os.terminal_size((0, 0)) and Disk())
    with pytest.raises(DataError, match=r"DAT47\] .*4e-07 GB are missing, 1e-08 are free; make room in"):
        list(fetched(all_of(storage), all_of(storage), 1000))
    assert storage.asked == 0


class Disk:
    free = 10


def test_passwords_and_mixed_places_are_refused_in_the_recipe():
    section = {"val": "v", "classes": 3, "image_size": 4}
    with pytest.raises(ValueError, match="train holds a password"):
        WebDatasetSection(train="https://a:b@host/x.tar", **section)
    with pytest.raises(ValueError, match="train has addresses and paths"):
        WebDatasetSection(train=["https://host/x.tar", "x.tar"], **section)


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "fsspec", None)
    with pytest.raises(SetupError, match=r"ENV31\] s3://b/x.tar: .*pip install gluonlab\[remote\]|'gluonlab"):
        addresses.file_system("s3://b/x.tar?secret")


@pytest.fixture
def web(tmp_path):
    pytest.importorskip("fsspec")
    pytest.importorskip("aiohttp")
    folder = tmp_path / "www"
    folder.mkdir()
    for number, half in enumerate((range(4), range(4, COUNT))):
        write_tar(folder / f"{number}.tar", files_of(half))
    write_mds(folder / "mds", [files_of(range(4)), files_of(range(4, COUNT))])
    server = Server(folder)
    yield server
    server.stop()


def source_of(section, where):
    return section(train=where, val=where, classes=3, image_size=4).source("train")


def check(source):
    assert source.labels.tolist() == [number % 3 for number in range(COUNT)]
    assert all(np.array_equal(source.image(number), image_of(number)) for number in range(COUNT))


@pytest.mark.parametrize("fault", ["stall", "cut"])
def test_a_web_server_that_stalls_or_breaks_off(web, fault):
    where = web.address + "/{0..1}.tar"
    check(source_of(WebDatasetSection, where))
    check(source_of(MdsSection, web.address + "/mds"))
    for note in cache.remote_folder().glob("*/1.tar*"):
        note.unlink()
    web.faults["1.tar"] = [None] * 0 + [fault] * 2
    check(source_of(WebDatasetSection, where))
    for note in cache.remote_folder().glob("*/1.tar*"):
        note.unlink()
    web.faults["1.tar"] = [fault] * 40
    with pytest.raises(DataError, match=rf"DAT46\] {web.address}/1.tar: cannot be fetched, 4 times"):
        source_of(WebDatasetSection, where)


def test_a_web_server_whose_answers_have_another_length(web):
    where = web.address + "/{0..1}.tar"
    web.faults["0.tar"] = ["longer", "shorter", "longer"] * 10
    with pytest.raises(DataError, match=r"DAT46\] .*/0.tar: cannot be fetched, 4 times: .* bytes came"):
        source_of(WebDatasetSection, where)
    web.faults["0.tar"] = ["longer"]
    check(source_of(WebDatasetSection, where))


def test_a_web_server_that_refuses_or_has_not(web):
    with pytest.raises(DataError, match=r"DAT01\] .*/2.tar: no such file"):
        source_of(WebDatasetSection, web.address + "/{0..2}.tar")
    web.faults["0.tar"] = ["403"] * 20
    with pytest.raises(DataError, match=r"DAT46\] .*/0.tar: no credentials, or they are refused"):
        fetch(RemoteFile(f"{web.address}/0.tar", 100, ""))


def test_storage_like_s3(tmp_path, monkeypatch):
    pytest.importorskip("s3fs")
    server = pytest.importorskip("moto.server")
    boto3 = pytest.importorskip("boto3")
    its = server.ThreadedMotoServer(port=0, verbose=False)
    its.start()
    _, port = its.get_host_and_port()
    for key, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "k",
        "AWS_SECRET_ACCESS_KEY": "s",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(key, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket="images")
    for number, half in enumerate((range(4), range(4, COUNT))):
        for name, path in (
            (f"tar/{number}.tar", write_tar(tmp_path / "x.tar", files_of(half))),
            (
                f"pq/{number}.parquet",
                write_parquet(tmp_path / "x.parquet", files_of(half), compression="snappy"),
            ),
        ):
            s3.upload_file(str(path), "images", name)
    try:
        check(source_of(WebDatasetSection, "s3://images/tar/*.tar"))
        check(source_of(WebDatasetSection, "s3://images/tar"))
        check(source_of(ParquetSection, ["s3://images/pq/0.parquet", "s3://images/pq/1.parquet"]))
        with pytest.raises(DataError, match=r"DAT01\] s3://images/none: no .tar files there|no such file"):
            source_of(WebDatasetSection, "s3://images/none")
        said = json.loads(next(iter(cache.remote_folder().glob("*/0.tar.remote.json"))).read_text())
        assert said["version"]
        for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(key)
        __import__("s3fs").S3FileSystem.clear_instance_cache()
        with pytest.raises(
            DataError, match=r"DAT46\] s3://images/tar: no credentials.*set AWS_ACCESS_KEY_ID"
        ):
            source_of(WebDatasetSection, "s3://images/tar")
    finally:
        its.stop()
