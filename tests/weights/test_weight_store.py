"""Weights by name from a folder, filled by a real web server: whole, verified, fetched once, used offline."""

import http.server
import json
import os
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pytest

from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.models import create
from gluonlab.runtime.mxnet import mx, nd
from gluonlab.weights.model_folder import write_model_folder
from gluonlab.weights.store import find_weights, list_store, store_folder


class Mirror(http.server.ThreadingHTTPServer):
    """Serves a folder, ranges too, on the loopback; notes what was asked for; may cut answers off."""

    daemon_threads = True

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.requests, self.cut_after, self.knows_ranges = [], None, True
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        mirror = self.server
        wanted = self.headers.get("Range")
        mirror.requests.append((self.path, wanted))
        try:
            with open(self.translate_path(self.path), "rb") as file:
                raw = file.read()
        except OSError:
            self.send_error(404)
            return
        start = int(wanted.partition("=")[2].rstrip("-")) if wanted and mirror.knows_ranges else 0
        if start and start >= len(raw):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(raw) - start))
        self.end_headers()
        end = mirror.cut_after if mirror.cut_after and self.path.endswith("safetensors") else len(raw)
        self.wfile.write(raw[start : start + end])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A small network, and a folder with its model folder ``digits``."""
    mx.random.seed(0)
    net = create("small_resnet8")
    net.initialize()
    tensors = {name: p.data().asnumpy() for name, p in net._collect_params_with_prefix().items()}
    folder = tmp_path_factory.mktemp("mirror")
    names = [f"digit {n}" for n in range(10)]
    write_model_folder(
        folder / "digits", tensors, model="small_resnet8", classes=10, class_names=names, source={"file": "x"}
    )
    return net, folder


@pytest.fixture
def mirror(original, tmp_path, monkeypatch):
    """A web server of a copy of ``original``, and an empty store."""
    folder = tmp_path / "served"
    (folder / "digits").mkdir(parents=True)
    for name in ("model.json", "model.safetensors"):
        (folder / "digits" / name).write_bytes((original[1] / "digits" / name).read_bytes())
    server = Mirror(folder)
    server.folder = folder
    monkeypatch.setenv("GLUONLAB_STORE", str(tmp_path / "store"))
    monkeypatch.setenv("GLUONLAB_MIRROR", server.address)
    yield server
    server.shutdown()
    server.server_close()


def logits(net):
    return net(nd.array(np.random.RandomState(0).normal(size=(2, 1, 28, 28)))).asnumpy()


def failure(name="store:digits"):
    with pytest.raises(CheckpointError) as error:
        find_weights(name)
    assert error.value.exit_code == 4
    return str(error.value)


def names_in(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.endswith(".lock"))


def test_weights_come_from_the_mirror_once_and_are_then_used_without_it(original, mirror, monkeypatch):
    assert (logits(create("small_resnet8", pretrained="store:digits")) == logits(original[0])).all()
    assert names_in(store_folder()) == ["digits"]
    assert mirror.requests == [("/digits/model.json", None), ("/digits/model.safetensors", None)]
    monkeypatch.setenv("GLUONLAB_MIRROR", "http://127.0.0.1:9")  # nobody listens there
    assert (logits(create("small_resnet8", pretrained="store:digits")) == logits(original[0])).all()
    monkeypatch.delenv("GLUONLAB_MIRROR")
    assert find_weights("store:digits") == store_folder() / "digits"
    assert len(mirror.requests) == 2


def test_a_cut_off_download_goes_on_where_it_ended(original, mirror):
    size = (mirror.folder / "digits/model.safetensors").stat().st_size
    mirror.cut_after = 1000
    line = failure()
    assert line.startswith(f"error[CKP46] {mirror.address}/digits/model.safetensors: the connection ended ")
    assert f"{size - 1000:,} bytes before the end" in line
    assert not (store_folder() / "digits").exists()
    mirror.cut_after, mirror.requests[:] = None, []
    find_weights("store:digits")
    assert mirror.requests[-1] == ("/digits/model.safetensors", "bytes=1000-")
    assert names_in(store_folder()) == ["digits"]


@pytest.mark.parametrize("kept", ["all", "half, from a server without ranges"])
def test_what_is_left_of_a_killed_process_is_used(original, mirror, kept):
    raw = (mirror.folder / "digits/model.safetensors").read_bytes()
    sha256 = json.loads((mirror.folder / "digits/model.json").read_text())["sha256"]
    part = store_folder() / f".digits.part-{sha256[:16]}"
    part.mkdir(parents=True)
    (part / "model.safetensors").write_bytes(raw if kept == "all" else raw[: len(raw) // 2])
    mirror.knows_ranges = kept == "all"
    assert (logits(create("small_resnet8", pretrained="store:digits")) == logits(original[0])).all()
    assert names_in(store_folder()) == ["digits"]


def test_other_bytes_than_the_mirror_promises_are_refused_and_removed(mirror):
    path = mirror.folder / "digits/model.safetensors"
    raw = bytearray(path.read_bytes())
    raw[-5] ^= 1
    path.write_bytes(raw)
    line = failure()
    assert line.startswith(f"error[CKP44] {mirror.address}/digits/model.safetensors: SHA-256 is ")
    assert names_in(store_folder()) == []


def test_weights_that_changed_in_the_store_are_not_opened(mirror):
    weights = find_weights("store:digits") / "model.safetensors"
    raw = bytearray(weights.read_bytes())
    raw[100] ^= 1
    weights.write_bytes(raw)
    with pytest.raises(CheckpointError, match=r"CKP44.*store/digits/model\.safetensors: SHA-256"):
        create("small_resnet8", pretrained="store:digits")


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"format": 1}', '{"format": 2}', "[" * 100_000, "x" * (2 << 20)]
)
def test_a_mirror_that_says_nonsense_is_one_line(mirror, text):
    (mirror.folder / "digits/model.json").write_text(text)
    line = failure()
    assert line.startswith(("error[CKP03] ", "error[CKP46] "))
    assert f"{mirror.address}/digits/model.json: " in line
    assert "\n" not in line
    assert names_in(store_folder()) == []


def test_weights_that_cannot_be_had_are_one_line(mirror, monkeypatch):
    assert failure("store:other").startswith(
        f"error[CKP46] {mirror.address}/other/model.json: cannot be fetched: HTTP Error 404"
    )
    for address in ("http://127.0.0.1:9", "http://no.such.host.invalid", "file:///tmp"):
        monkeypatch.setenv("GLUONLAB_MIRROR", address)
        assert failure().startswith(f"error[CKP46] {address}/digits/model.json: ")
    monkeypatch.delenv("GLUONLAB_MIRROR")
    assert failure() == (
        f"error[CKP45] {store_folder()}/digits: is not in the store; "
        "put a model folder there, or set GLUONLAB_MIRROR"
    )
    for name in ("store:", "store:../x", "store:.hidden", "store:a/b"):
        with pytest.raises(ConfigError, match="CFG09"):
            find_weights(name)


def test_four_processes_fetch_once(mirror):
    code = "import sys; from gluonlab.weights.store import find_weights; print(find_weights('store:digits'))"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, env=os.environ)
        for _ in range(4)
    ]
    assert {process.communicate(timeout=60)[0] for process in processes} == {f"{store_folder()}/digits\n"}
    assert len(mirror.requests) == 2


def test_a_path_that_exists_is_a_path(mirror, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "store:digits").mkdir()
    assert str(find_weights("store:digits")) == "store:digits"
    assert mirror.requests == []


def test_weights_of_another_model_are_refused(mirror):
    with pytest.raises(
        CheckpointError, match=r"CKP06.*holds weights of small_resnet8, not of cifar_resnet20"
    ):
        create("cifar_resnet20", pretrained="store:digits")


def test_the_command_line_fetches_lists_shows_and_uses_what_is_stored(mirror, run_gluonlab, tmp_path):
    settings = {"GLUONLAB_STORE": os.environ["GLUONLAB_STORE"], "GLUONLAB_MIRROR": mirror.address}
    gluonlab = partial(run_gluonlab, environment=settings)
    fetched = gluonlab("models", "fetch", "digits")
    assert fetched.returncode == 0, fetched.stderr
    assert fetched.stdout.startswith(f"{store_folder()}/digits: small_resnet8, 10 classes, SHA-256 ")
    assert list(list_store()) == ["digits"]
    weights = mirror.folder / "digits/model.safetensors"
    imported = gluonlab("models", "import", weights, "--as", "small_resnet8")
    assert imported.returncode == 0, imported.stderr
    (row,) = json.loads(gluonlab("models", "list", "small_resnet8", "--json", "-").stdout)
    assert row["weights"] == ["store:digits", "store:small_resnet8"]
    assert "store:digits: 10 classes, x" in gluonlab("models", "show", "small_resnet8").stdout
    run = tmp_path / "run"
    overrides = [
        "epochs=1",
        "schedule.warmup_epochs=0",
        "ctx=cpu",
        "cpu_threads=1",
        "checkpoint_every=never",
        "tensorboard=false",
    ]
    trained = gluonlab(
        "train", "configs/digits.yaml", *overrides, "model.pretrained=store:digits", f"run_dir={run}"
    )
    assert trained.returncode == 0, trained.stderr
    assert json.loads((run / "config.json").read_text())["config"]["model"]["pretrained"] == "store:digits"
    missing = gluonlab("models", "fetch", "other")
    assert missing.returncode == 4
    assert missing.stderr.startswith("error[CKP46] ")
    assert missing.stderr.count("\n") == 1
