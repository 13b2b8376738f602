"""Fetching from a real HTTP server on this machine; archives that are hostile."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from gluonlab.data.archives import unpack
from gluonlab.data.fetching import fetch
from gluonlab.data.published import Publication, RemoteFile
from gluonlab.data.sections.published import published_sets
from gluonlab.errors import DataError


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        self.server.requests.append(self.path)


@pytest.fixture
def server(tmp_path):
    (tmp_path / "www").mkdir()
    handler = partial(Quiet, directory=str(tmp_path / "www"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        running.requests, running.folder = [], tmp_path / "www"
        running.address = f"http://127.0.0.1:{running.server_port}/"
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if name[0] != "*":
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
            else:
                info.name, info.type, info.linkname = name[1:], content, "/etc/passwd"
                tar.addfile(info)
    return buffer.getvalue()


def published(server, files):
    """A data set of ``files``, on the server."""
    for name, content in files.items():
        (server.folder / name).write_bytes(content)
    remote = tuple(RemoteFile(n, len(c), hashlib.sha256(c).hexdigest()) for n, c in files.items())
    return Publication(server.address, remote, server.address)


CONTENT = np.random.RandomState(0).bytes(3_000_000)


def test_files_and_archives_are_fetched_once(server, tmp_path):
    packed = archive([("set/a.bin", b"aaa"), ("set/b.bin", b"bb")])
    data_set = published(server, {"x.gz": CONTENT, "set.tar.gz": packed})
    seen = []
    paths = fetch(data_set, tmp_path / "out", progress=lambda done, total: seen.append((done, total)))
    assert [str(path.relative_to(tmp_path / "out")) for path in paths] == ["x.gz", "set/a.bin", "set/b.bin"]
    assert paths[0].read_bytes() == CONTENT
    assert paths[1].read_bytes() == b"aaa"
    total = len(CONTENT) + len(packed)
    assert seen[-1] == (total, total)
    assert server.requests == ["/x.gz", "/set.tar.gz"]
    fetch(data_set, tmp_path / "out")
    assert len(server.requests) == 2
    (tmp_path / "out" / "x.gz").write_bytes(b"damaged")
    fetch(data_set, tmp_path / "out")
    assert paths[0].read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("served", "message"),
    [
        (CONTENT[:-1], "2999999 of 3000000 bytes"),
        (CONTENT + b"x", "another file"),
        (CONTENT[:-1] + b"x", "another file"),
        (b"", "0 of 3000000 bytes"),
        (b"<html>moved</html>", "of 3000000 bytes"),
    ],
    ids=["short", "long", "other", "empty", "html"],
)
def test_what_has_another_checksum_is_refused_and_nothing_stays(server, tmp_path, served, message):
    data_set = published(server, {"x.tar.gz": CONTENT})
    (server.folder / "x.tar.gz").write_bytes(served)
    with pytest.raises(DataError, match=rf"DAT44\] x.tar.gz: .*{message}"):
        fetch(data_set, tmp_path / "out")
    assert os.listdir(tmp_path / "out") == []


def test_what_cannot_be_fetched_says_what_else_to_do(server, tmp_path):
    data_set = published(server, {"x.gz": CONTENT})
    (server.folder / "x.gz").unlink()
    for address in (None, "http://127.0.0.1:9/", "ftp://127.0.0.1/", "file:///etc/"):
        with pytest.raises(DataError, match=r"DAT43\]"):
            fetch(data_set, tmp_path / "out", address=address)
    assert os.listdir(tmp_path / "out") == []


def test_an_archive_at_hand_needs_no_network(server, tmp_path):
    data_set = published(server, {"set.tar.gz": archive([("set/a.bin", b"aaa")])})
    for given in (server.folder / "set.tar.gz", server.folder):
        (path,) = fetch(data_set, tmp_path / "out", archive=given)
        assert path.read_bytes() == b"aaa"
        (tmp_path / "out" / "set.tar.gz").unlink()
    assert server.requests == []
    with pytest.raises(DataError, match="DAT01"):
        fetch(data_set, tmp_path / "out", archive=tmp_path / "none")
    (tmp_path / "wrong").write_bytes(b"x")
    with pytest.raises(DataError, match="DAT44"):
        fetch(data_set, tmp_path / "out", archive=tmp_path / "wrong")


UNSAFE = {
    "parent": [("a", b"1"), ("../x", b"2")],
    "absolute": [("a", b"1"), ("/tmp/x", b"2")],
    "inner parent": [("a/../../x", b"2")],
    "link": [("a", b"1"), ("*l", tarfile.SYMTYPE)],
    "hard link": [("a", b"1"), ("*l", tarfile.LNKTYPE)],
    "device": [("a", b"1"), ("*d", tarfile.CHRTYPE)],
    "pipe": [("*p", tarfile.FIFOTYPE)],
    "many": [(f"f{i}", b"") for i in range(1001)],
    "large": [("a", b"1" * 5000)],
}


@pytest.mark.parametrize("members", UNSAFE.values(), ids=UNSAFE)
def test_nothing_of_an_unsafe_archive_is_unpacked(tmp_path, members):
    (tmp_path / "a.tar.gz").write_bytes(archive(members))
    with pytest.raises(DataError, match=r"DAT21\]"):
        unpack(tmp_path / "a.tar.gz", tmp_path / "out", max_bytes=4000)
    assert os.listdir(tmp_path) == ["a.tar.gz"]


def test_damaged_archives(tmp_path):
    whole = archive([("a", CONTENT[:200_000])])
    for content in (b"", b"not gzip", whole[: len(whole) // 2], gzip.compress(b"not tar" * 300)):
        (tmp_path / "a.tar.gz").write_bytes(content)
        with pytest.raises(DataError, match=r"DAT04\]"):
            unpack(tmp_path / "a.tar.gz", tmp_path / "out", max_bytes=1 << 20)
        assert not (tmp_path / "out").exists() or os.listdir(tmp_path / "out") == []


def test_every_published_file_has_a_whole_checksum():
    publications = [each.publication for each in published_sets().values() if each.publication]
    assert len(publications) == 4
    for publication in publications:
        for file in publication.files:
            assert len(bytes.fromhex(file.sha256)) == 32
            assert file.size > 4000
