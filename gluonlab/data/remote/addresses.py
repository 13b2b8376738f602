"""Addresses of shards: what is one, which files it names, and how fsspec opens it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple, Optional, TypeVar, Union

from gluonlab.commands import pip_command
from gluonlab.data.record_files import numbered
from gluonlab.errors import DataError, SetupError

PROTOCOLS = ("http", "https", "s3", "gs", "hf")
_ADDRESS = re.compile(rf"({'|'.join(PROTOCOLS)})://")
_KEYS = {
    "s3": "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or ~/.aws/credentials",
    "gs": "GOOGLE_APPLICATION_CREDENTIALS",
    "hf": "HF_TOKEN",
}
_REFUSED = (401, 403)
_ASKED_AT_ONCE = 16
PAUSES = (1.0, 4.0, 15.0)
"""Seconds before each further attempt."""

Answer = TypeVar("Answer")


class RemoteFile(NamedTuple):
    """A file at an address: its size in bytes, and what its server says of its version ('' if nothing)."""

    address: str
    size: int
    version: str


def is_remote(where: object) -> bool:
    """Whether ``where`` is an address, and not a path."""
    return isinstance(where, str) and _ADDRESS.match(where) is not None


def addresses_in(where: Union[str, Sequence[str]]) -> list[str]:
    """The addresses among what a recipe says."""
    return [each for each in ([where] if isinstance(where, str) else where) if is_remote(each)]


def has_password(address: str) -> bool:
    """Whether ``address`` says a name and a password before its host."""
    return re.match(r"\w+://[^/@]*:[^/@]*@", address) is not None


def shown(address: str) -> str:
    """``address`` without what may be a secret: a password before the host, a signature behind the path."""
    return re.sub(r"//[^/@]*@", "//", address).split("?")[0]


def file_system(address: str) -> Any:
    """What fsspec has for ``address``. Raises SetupError ENV31 if a package for it is missing."""
    protocol = address.split("://")[0]
    try:
        import fsspec

        return fsspec.filesystem(protocol, use_listings_cache=False)
    except ImportError as error:
        hint = pip_command("install", "gluonlab[remote]")
        raise SetupError("ENV31", shown(address), f"is not read without a package: {error}", hint) from None


def named_files(address: str, suffix: str) -> list[RemoteFile]:
    """The files that ``address`` names, sorted by name: one, ``{000..146}``, a folder or pattern of storage.

    Raises:
        DataError: DAT01 there is none, DAT46 the server does not answer, or wants credentials.
    """
    files = file_system(address)
    found = numbered(address)
    if len(found) == 1 and not address.startswith("http"):
        if any(sign in address for sign in "*?["):
            found = sorted(asked(lambda: files.glob(address), address))
        elif not address.endswith(suffix):
            names = asked(lambda: files.ls(address, detail=False), address)
            found = sorted(name for name in names if name.endswith(suffix))
        if not found:
            raise DataError("DAT01", shown(address), f"no {suffix} files there")
        found = [files.unstrip_protocol(name) for name in found]
    with ThreadPoolExecutor(_ASKED_AT_ONCE, thread_name_prefix="gluonlab-remote") as pool:
        return list(pool.map(lambda each: described(files, each), found))


def described(files: Any, address: str) -> RemoteFile:
    """Size and version of the file at ``address``. Raises DataError DAT01, DAT46."""
    said = asked(lambda: files.info(address), address)
    if said.get("size") is None:
        raise DataError("DAT46", shown(address), "its server does not tell its size")
    versions = (said.get(key) for key in ("ETag", "etag", "LastModified", "mtime", "blob_id"))
    return RemoteFile(address, int(said["size"]), next((str(each) for each in versions if each), ""))


def asked(question: Callable[[], Answer], address: str) -> Answer:
    """What ``question`` returns of a file system, asked again after each of `PAUSES` where that may help.

    Raises:
        DataError: DAT01 there is no such file, DAT46 it does not answer, or wants credentials.
    """
    for pause in (*PAUSES, None):
        try:
            return question()
        except DataError:
            raise
        except Exception as error:  # each file system has errors of its own
            refused = refusal(error, address)
            if refused or pause is None:
                raise refused or given_up(address, said_by(error)) from None
        time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


def given_up(address: str, what: str) -> DataError:
    """What is said of an address after the last attempt."""
    return DataError("DAT46", shown(address), f"cannot be fetched, {len(PAUSES) + 1} times: {what}")


def said_by(error: BaseException) -> str:
    """``error`` in a few words, without the address, which may hold a secret."""
    words = re.sub(r"\w+://\S+", "...", str(error).split("\n")[0])[:160]
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def refusal(error: BaseException, address: str) -> Optional[DataError]:
    """``error`` of a file system as ours where trying again is of no use; None where it may pass."""
    status = getattr(error, "status", None) or getattr(getattr(error, "response", None), "status_code", None)
    if isinstance(error, FileNotFoundError) or status == 404:
        return DataError("DAT01", shown(address), "no such file")
    if isinstance(error, PermissionError) or status in _REFUSED or "Credentials" in type(error).__name__:
        keys = _KEYS.get(address.split("://")[0])
        hint = f"set {keys}" if keys else "its server wants a name or a token"
        return DataError("DAT46", shown(address), "no credentials, or they are refused", hint)
    return None
