"""A port that a verb answers at."""

from __future__ import annotations

import ipaddress
import socket

from gluonlab.errors import ConfigError


def listen(host: str, port: int, host_option: str, port_option: str) -> socket.socket:
    """A socket that listens at ``port`` of ``host``; 0 for any port.

    Raises:
        ConfigError: CLI02, with the option to blame: no address, or a port that cannot be had.
    """
    try:
        family = socket.AF_INET6 if ipaddress.ip_address(host).version == 6 else socket.AF_INET
    except ValueError as error:
        raise ConfigError("CLI02", host_option, f"{host!r} is not an IP address") from error
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        what = f"port {port} of {host} cannot be had ({error.strerror})"
        raise ConfigError(
            "CLI02", port_option, what, f"name another with {port_option.split()[-1]}"
        ) from error
    return listener
