"""A folder of weights on this machine, filled by hand or from a mirror, in which networks are found by name.

The store holds model folders. A mirror is any web server that has the same folders, so a copy of a store is
one. `GLUONLAB_STORE` says where the store is, `GLUONLAB_MIRROR` the address of the mirror, if there is one.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Optional, Union

from gluonlab.disk import make_folder, writing
from gluonlab.errors import CheckpointError, ConfigError
from gluonlab.weights.download import download, read_small
from gluonlab.weights.files import sha256_of
from gluonlab.weights.model_folder import (
    FACTS_FILE,
    WEIGHTS_FILE,
    ModelFacts,
    parse_facts,
    read_facts,
    write_durably,
)

STORE = "GLUONLAB_STORE"
MIRROR = "GLUONLAB_MIRROR"
PREFIX = "store:"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")


def store_folder() -> Path:
    """Where weights are kept: `GLUONLAB_STORE`, or ``store`` in the user's cache."""
    if os.environ.get(STORE):
        return Path(os.environ[STORE])
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(os.environ.get("GLUONLAB_CACHE") or Path(home) / "gluonlab") / "store"


def mirror_address() -> Optional[str]:
    """Where weights that the store does not have are fetched from; None if nothing is fetched."""
    return os.environ.get(MIRROR) or None


def find_weights(pretrained: Union[str, Path]) -> Path:
    """The path that ``pretrained`` is; of ``store:NAME``, the model folder of that name in the store.

    What the store does not have is fetched from the mirror. A path that exists is always that path.

    Raises:
        ConfigError: CFG09 no name that a folder of the store may have.
        CheckpointError: CKP45 the store does not have it and there is no mirror; else as `fetch`.
    """
    text = str(pretrained)
    if not text.startswith(PREFIX) or Path(text).exists():
        return Path(text)
    name = text[len(PREFIX) :]
    if not _NAME.fullmatch(name):
        raise ConfigError("CFG09", text, "is no name of weights", "store:resnet50_v1b, for example")
    folder = store_folder() / name
    if (folder / FACTS_FILE).is_file():
        return folder
    mirror = mirror_address()
    if mirror is None:
        hint = f"put a model folder there, or set {MIRROR}"
        raise CheckpointError("CKP45", str(folder), "is not in the store", hint)
    fetch(name, mirror, folder)
    return folder


def fetch(name: str, mirror: str, folder: Path) -> None:
    """Copy the model folder ``name`` of ``mirror`` to ``folder``, which appears verified or not at all.

    Of several processes one fetches and the others wait for it. What came before a connection was lost
    is kept and not fetched again.

    Raises:
        CheckpointError: CKP01 cannot be written, CKP03 the mirror's description of the weights is damaged,
            CKP44 the weights are others than it says, CKP46 the mirror cannot be reached or has no such.
    """
    address = f"{mirror.rstrip('/')}/{name}"
    try:
        make_folder(folder.parent)
        with _locked(folder.with_name(f".{name}.lock")):
            if folder.exists():
                return
            raw = read_small(f"{address}/{FACTS_FILE}")
            facts = parse_facts(raw, f"{address}/{FACTS_FILE}")
            part = folder.with_name(f".{name}.part-{facts.sha256[:16]}")
            part.mkdir(exist_ok=True)
            weights = part / WEIGHTS_FILE
            download(f"{address}/{WEIGHTS_FILE}", weights)
            _check(weights, facts, f"{address}/{WEIGHTS_FILE}")
            with writing(weights), weights.open("rb") as file:
                os.fsync(file.fileno())
            write_durably(part / FACTS_FILE, raw)
            os.rename(part, folder)
    except OSError as error:
        raise CheckpointError("CKP01", str(folder), f"cannot be written: {error.strerror}") from None


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """While no other process is; the system takes the lock back from one that dies."""
    with writing(path), path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _check(weights: Path, facts: ModelFacts, address: str) -> None:
    """Refuse and remove ``weights`` that are not what ``facts`` say."""
    found = sha256_of(weights)
    if found != facts.sha256:
        shutil.rmtree(weights.parent)
        what = f"SHA-256 is {found}, {FACTS_FILE} says {facts.sha256}"
        raise CheckpointError("CKP44", address, what, "the mirror has damaged weights")


def list_store() -> dict[str, ModelFacts]:
    """What the store has, by name; folders that say nothing readable of themselves are left out."""
    found = {}
    for path in sorted(store_folder().glob(f"[!.]*/{FACTS_FILE}")):
        try:
            found[path.parent.name] = read_facts(path.parent)
        except CheckpointError:
            continue
    return found
