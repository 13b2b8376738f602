"""WebDataset, MDS and Parquet: the images and labels that were written, or the shard named in one line."""

import bz2
import gzip
import os
import shutil
import tarfile
import time

import numpy as np
import pytest

from gluonlab.data.decode import decode_image
from gluonlab.data.identity import identity_of
from gluonlab.data.sections.shards import MdsSection, ParquetSection, WebDatasetSection
from gluonlab.data.shards.files import kind_of, shard_files
from gluonlab.data.verification.index import cache_folder, index_paths
from gluonlab.data.verified_source import open_verified
from gluonlab.errors import DataError
from tests.data.shard_files import (
    COUNT,
    add,
    files_of,
    image_of,
    mds_bytes,
    write_mds,
    write_parquet,
    write_tar,
)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch, root):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PYTHONPATH", str(root))


HALVES = (range(4), range(4, COUNT))


def parquet_needed():
    return pytest.importorskip("pyarrow")


def webdataset(folder, label="cls"):
    for number, half in enumerate(HALVES):
        write_tar(folder / f"train-{number:03d}.tar", files_of(half), label)
    return "webdataset", shard_files("webdataset", str(folder / "train-{000..001}.tar"))


def parquet(folder, **options):
    parquet_needed()
    paths = [
        write_parquet(folder / f"{n}.parquet", files_of(half), **options) for n, half in enumerate(HALVES)
    ]
    return "parquet", paths


def mds(folder, **options):
    write_mds(folder / "mds", [files_of(half) for half in HALVES], **options)
    return "mds", shard_files("mds", str(folder / "mds"))


MAKERS = {
    "cls": webdataset,
    "json": lambda folder: webdataset(folder, "json"),
    "mds": mds,
    "mds, gz": lambda folder: mds(folder, pack=gzip.compress, ending=".gz"),
    "mds, bz2": lambda folder: mds(folder, pack=bz2.compress, ending=".bz2"),
    "parquet": parquet,
    "parquet, a plain column": lambda folder: parquet(folder, is_struct=False),
    "parquet, no dictionary": lambda folder: parquet(folder, use_dictionary=False),
    "parquet, snappy": lambda folder: parquet(folder, compression="snappy"),
    "parquet, zstd, second form of pages": lambda f: parquet(f, compression="zstd", data_page_version="2.0"),
}


@pytest.mark.parametrize("how", MAKERS)
def test_images_and_labels_are_those_that_were_written(tmp_path, how):
    source = open_verified(*MAKERS[how](tmp_path), 3)
    assert source.labels.tolist() == [number % 3 for number in range(COUNT)]
    for number, (content, _) in enumerate(files_of(range(COUNT))):
        assert source.encoded(number) == content
        assert np.array_equal(source.image(number), image_of(number))


def test_all_kinds_have_the_identity_of_the_same_images(tmp_path):
    made = {how: tmp_path / str(n) for n, how in enumerate(("cls", "mds", "parquet"))}
    for folder in made.values():
        folder.mkdir()
    found = [identity_of(open_verified(*MAKERS[how](folder), 3)) for how, folder in made.items()]
    assert {str({**each, "name": ""}) for each in found} == {str({**found[0], "name": ""})}
    assert "parts" in found[0]


@pytest.mark.parametrize("how", ["cls", "mds, gz", "parquet", "parquet, snappy"])
def test_the_index_is_made_once_and_again_after_a_change(tmp_path, how, monkeypatch):
    kind, paths = MAKERS[how](tmp_path)
    open_verified(kind, paths, 3)
    places = [next(place for place in index_paths(path) if place.exists()) for path in paths]
    made = [place.stat().st_mtime_ns for place in places]
    monkeypatch.setattr("gluonlab.data.verification.verify.scan", None)  # nobody looks again
    assert len(open_verified(kind, paths, 3)) == COUNT
    assert [place.stat().st_mtime_ns for place in places] == made
    monkeypatch.undo()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    content = paths[0].read_bytes()
    shutil.copyfile(paths[1], paths[0])
    os.utime(paths[0], ns=(time.time_ns(), time.time_ns() + 10**9))
    assert len(open_verified(kind, paths, 3)) == 2 * len(HALVES[1])
    paths[0].write_bytes(content)
    assert len(open_verified(kind, paths, 3)) == COUNT


def test_unpacked_images_that_are_gone_are_unpacked_again(tmp_path):
    kind, paths = MAKERS["parquet, snappy"](tmp_path)
    open_verified(kind, paths, 3)
    images = list(cache_folder().glob("*.images"))
    assert len(images) == 2
    for each in images:
        each.unlink()
    assert np.array_equal(open_verified(kind, paths, 3).image(5), image_of(5))


def test_a_folder_that_cannot_be_written_has_its_index_in_the_cache(tmp_path, monkeypatch):
    kind, paths = MAKERS["cls"](tmp_path)
    import gluonlab.data.verification.index as index

    real = index.VerifiedIndex.save

    def save(self, path):
        if path.parent == tmp_path:
            raise PermissionError(13, "Permission denied", str(path))
        real(self, path)

    monkeypatch.setattr(index.VerifiedIndex, "save", save)
    assert len(open_verified(kind, paths, 3)) == COUNT
    assert len(list(cache_folder().glob("*.safetensors"))) == 2
    assert not list(tmp_path.glob("*.safetensors"))


def refusal(section, where, **keys):
    data = section(train=str(where), val="x", classes=3, image_size=4, **keys)
    with pytest.raises(DataError) as found:
        data.source("train")
    assert len(found.value.problems) == 1
    return str(found.value.problems[0])


def tar_with(path, *members):
    with tarfile.open(path, "w") as archive:
        for name, content in members:
            add(archive, name, content)
    return path


PNG = files_of([0])[0][0]


@pytest.mark.parametrize(
    ("members", "says"),
    [
        ([("a.png", PNG), ("a.cls", b"1"), ("a.png", PNG)], "DAT45] x.tar: sample 'a': has two .png"),
        (
            [
                ("a.png", PNG),
                ("a.cls", b"1"),
                ("b.png", PNG),
                ("b.cls", b"0"),
                ("a.png", PNG),
                ("a.cls", b"1"),
            ],
            "DAT45] x.tar: sample 'a': comes twice in the shard",
        ),
        ([("a.png", PNG)], "DAT12] x.tar: sample 'a': has no label; expected is a .cls"),
        ([("a.png", PNG), ("a.json", b'{"size": 1}')], "DAT12] x.tar: sample 'a': has no label"),
        ([("a.png", PNG), ("a.json", b"{")], "DAT12] x.tar: sample 'a': its .json is none"),
        ([("a.png", PNG), ("a.cls", b"cat")], "DAT12] x.tar: sample 'a': label 'cat' is not a whole number"),
        ([("a.png", PNG), ("a.json", b'{"label": true}')], "label True is not a whole number"),
        ([("a.cls", b"1")], "DAT05] x.tar: sample 'a': has 0 images (its files: .cls); one is expected"),
        ([("a.png", PNG), ("a.jpg", PNG), ("a.cls", b"1")], "has 2 images (its files: .cls, .jpg, .png)"),
        ([], "x.tar: 0 samples"),
        ([("a.png", PNG), ("a.cls", b"7")], "DAT12] x.tar: image 0 at byte 512: label 7 outside 0..2"),
        ([("a.png", PNG[:60]), ("a.cls", b"1")], "DAT06] x.tar: image 0 at byte 512: "),
    ],
)
def test_a_tar_that_is_no_data_set_is_told_in_one_line(tmp_path, members, says):
    assert says in refusal(WebDatasetSection, tar_with(tmp_path / "x.tar", *members))


def test_a_tar_that_is_cut_short_anywhere_or_changed_is_named(tmp_path):
    path = tar_with(tmp_path / "x.tar", ("a.png", PNG), ("a.cls", b"1"), ("b.png", PNG), ("b.cls", b"0"))
    whole = path.read_bytes()
    for length in (300, 512 + 100, 1536, 2048, 512 * 5 + 3):
        path.write_bytes(whole[:length])
        said = refusal(WebDatasetSection, path)
        assert "DAT04] " in said, (length, said)
        assert "x.tar" in said
    path.write_bytes(whole[:1024] + b"x" * 512 + whole[1536:])
    assert "DAT04] x.tar: byte 1,024: is no header: damaged, or cut short" in refusal(WebDatasetSection, path)
    path.write_bytes(gzip.compress(whole))
    assert "DAT05]" in refusal(WebDatasetSection, path)
    assert "unpack it once with gunzip" in refusal(WebDatasetSection, path)


def test_a_shard_that_changes_while_it_is_read_is_named(tmp_path):
    path = write_tar(tmp_path / "x.tar", files_of(range(3)))
    source = open_verified("webdataset", [path], 3)
    content = bytearray(path.read_bytes())
    content[600] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"DAT08\] x.tar: image 0 at byte 512: differs from its checksum"):
        source.encoded(0)
    os.truncate(path, 700)
    with pytest.raises(DataError, match=r"DAT08\] x.tar: image 2 .*: is cut short"):
        source.encoded(2)


def test_a_missing_shard_is_named_before_any_is_read(tmp_path):
    kind, _ = webdataset(tmp_path)
    said = refusal(WebDatasetSection, tmp_path / "train-{000..003}.tar")
    assert said.endswith("train-002.tar: no such file, the first of 2 that are missing")
    assert not list(tmp_path.rglob("*.safetensors")), kind
    mds(tmp_path)
    (tmp_path / "mds/shard.00001.mds").unlink()
    said = refusal(MdsSection, tmp_path / "mds")
    assert said.endswith("shard.00001.mds: no such shard, which index.json lists")
    (tmp_path / "mds/shard.00001.mds").write_bytes(b"short")
    assert "DAT04" in refusal(MdsSection, tmp_path / "mds")
    assert "5 bytes, index.json says" in refusal(MdsSection, tmp_path / "mds")
    assert not list(tmp_path.rglob("*.safetensors"))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "DAT05"),
        (b"\0" * 100, "DAT05"),
        (mds_bytes(files_of(range(3)))[:-9], "DAT04"),
        (mds_bytes(files_of(range(3))) + b"more", "DAT04"),
        (mds_bytes(files_of(range(2)), (("image", "pil", None), ("label", "int", 8))), "has no image"),
        (mds_bytes(files_of(range(2)), (("image", "png", None), ("name", "str", 8))), "has no label"),
        (mds_bytes(files_of(range(2)), (("image", "png", None), ("label", "int", 4))), "do not fill it"),
    ],
    ids=["empty", "zeros", "short", "long", "pixels", "no label", "label of 4 bytes"],
)
def test_an_mds_shard_that_is_damaged_or_holds_something_else_is_named(tmp_path, content, says):
    folder = write_mds(tmp_path / "mds", [files_of(range(2))])
    listed = (folder / "index.json").read_text()
    was = (folder / "shard.00000.mds").stat().st_size
    (folder / "index.json").write_text(listed.replace(f'"bytes": {was}', f'"bytes": {len(content)}'))
    (folder / "shard.00000.mds").write_bytes(content)
    said = refusal(MdsSection, folder)
    assert "shard.00000.mds" in said
    assert says in said


def test_an_mds_index_that_leads_elsewhere_is_refused(tmp_path):
    folder = write_mds(tmp_path / "mds", [files_of(range(2))])
    index = folder / "index.json"
    index.write_text(index.read_text().replace("shard.00000.mds", "../secret.mds"))
    assert "DAT21" in refusal(MdsSection, folder)
    index.write_text("[]")
    assert "DAT05" in refusal(MdsSection, folder)


def test_parquet_columns_of_another_type_are_named(tmp_path):
    pa = parquet_needed()
    from pyarrow import parquet as pq

    path = tmp_path / "x.parquet"
    cases = [
        ({"image": [[1, 2]], "label": [1]}, "column 'image' is list<element: int64>, not the bytes of image"),
        ({"image": ["a"], "label": [1]}, "column 'image' is string, not the bytes of image files"),
        ({"image": [PNG], "label": ["cat"]}, "column 'label' is string, not whole numbers"),
        ({"image": [PNG], "label": [1.5]}, "column 'label' is double, not whole numbers"),
        ({"image": [PNG], "text": ["a"]}, "has no column of labels (label, cls, class, target, fine_label)"),
        ({"image": [PNG, None], "label": [1, 2]}, "row 1 of group 0: has no image"),
        ({"image": [PNG, PNG], "label": [1, None]}, "row 1 of group 0: no label"),
    ]
    for columns, says in cases:
        pq.write_table(pa.table(columns), path)
        said = refusal(ParquetSection, path)
        assert says in said, said
        assert "x.parquet" in said
    whole = write_parquet(path, files_of(range(3))).read_bytes()
    for content in (b"", b"PAR1", whole[:-20], whole[:50] + b"xxxxxxxx" + whole[58:-8]):
        path.write_bytes(content)
        said = refusal(ParquetSection, path)
        assert "DAT04" in said or "DAT05" in said, said
    assert not list(tmp_path.glob("*.safetensors"))


def test_class_names_are_those_of_hugging_face_or_of_a_file_beside_the_shards(tmp_path):
    kind, paths = webdataset(tmp_path)
    (tmp_path / "classes.txt").write_text("a\nb\nc\n")
    assert open_verified(kind, paths, 3).classes == ("a", "b", "c")
    (tmp_path / "classes.txt").unlink()
    kind, paths = parquet(tmp_path, names=["x", "y", "z"])
    source = open_verified(kind, paths, 3, class_names=("z", "y", "x"))
    assert source.labels.tolist() == [2 - number % 3 for number in range(COUNT)]


def test_the_kind_of_shards_is_seen_by_their_names(tmp_path):
    webdataset(tmp_path)
    mds(tmp_path)
    assert kind_of(str(tmp_path)) == "webdataset"
    assert kind_of(str(tmp_path / "mds")) == "mds"
    assert kind_of("x/*.parquet") == "parquet"
    assert kind_of("x/train.rec") is None


def test_bad_images_are_left_out_as_of_record_files(tmp_path):
    samples = files_of(range(4))
    samples[2] = (b"no image", 1)
    path = write_tar(tmp_path / "x.tar", samples)
    source = open_verified("webdataset", [path], 3, max_bad_fraction=0.3)
    assert source.labels.tolist() == [0, 1, 0]
    assert np.array_equal(decode_image(source.encoded(2), ""), image_of(3))
    assert "image 2" in (tmp_path / "x.bad.jsonl").read_text()
