"""horovodrun, with its rendezvous server closed to everyone but this user on this host.

As it comes, the server listens on all addresses and takes keys from anybody.
"""

from __future__ import annotations

import os
import sys
import traceback
from http.server import HTTPServer
from pathlib import Path
from typing import Any, NoReturn

import gluonlab.runtime.mxnet  # noqa: F401  (horovodrun imports MXNet as well, which needs our shims)
from gluonlab.disk import reading
from gluonlab.runtime.leaving import leave
from gluonlab.runtime.mpi_library import load_mpi_library


def owner_of_connection(address: str, port: int, table: Path = Path("/proc/net/tcp")) -> int:
    """The user id that holds the IPv4 socket ``address:port`` of this host; -1 if there is none."""
    numbers = [int(part) for part in address.split(".")]
    wanted = "".join(f"{number:02X}" for number in reversed(numbers)) + f":{port:04X}"
    with reading(table):
        lines = table.read_text().splitlines()[1:]
    for line in lines:
        fields = line.split()
        if fields[1] == wanted:
            return int(fields[7])
    return -1


def _bind_to_loopback(server: Any) -> None:
    server.server_address = ("127.0.0.1", server.server_address[1])
    HTTPServer.server_bind(server)


def _is_own_request(server: Any, request: Any, client: tuple[str, int]) -> bool:
    return owner_of_connection(*client) == os.geteuid()


def main() -> NoReturn:
    """Run horovodrun with the arguments of this process."""
    load_mpi_library()  # for the child in which horovodrun looks at what Horovod was built with
    from horovod.runner.http.http_server import RendezvousHTTPServer
    from horovod.runner.launch import run_commandline

    RendezvousHTTPServer.server_bind = _bind_to_loopback
    RendezvousHTTPServer.verify_request = _is_own_request
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]  # it says there who ended how
    try:
        run_commandline()
    except SystemExit as error:
        leave(error.code if isinstance(error.code, int) else bool(error.code))
    except BaseException:
        traceback.print_exc()
        leave(1)
    leave(0)


if __name__ == "__main__":
    main()
