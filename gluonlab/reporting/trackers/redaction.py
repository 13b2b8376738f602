"""Text that goes to others, without the secrets that may stand in it."""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAMES_OF_SECRETS = re.compile(r"KEY|TOKEN|SECRET|PASSW|CREDENTIAL", re.IGNORECASE)
_IN_ADDRESS = re.compile(r"(\w+://)[^/\s@]+@")
_IN_QUERY = re.compile(r"([?&][^=&\s]*(?:key|token|secret|passw|sig)[^=&\s]*=)[^&\s'\"]+", re.IGNORECASE)
_SHORTEST = 6
"""Shorter values are no secrets, and would blacken innocent words."""


def redact(text: str, variables: Mapping[str, str]) -> str:
    """``text`` without passwords in addresses, and without the values of ``variables`` named as secrets."""
    text = _IN_QUERY.sub(r"\1***", _IN_ADDRESS.sub(r"\1***@", text))
    for name, value in variables.items():
        if _NAMES_OF_SECRETS.search(name) and len(value) >= _SHORTEST:
            text = text.replace(value, "***")
    return text
