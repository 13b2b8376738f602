"""``gluonlab data``: obtain, pack, verify, describe and look at data sets."""

from __future__ import annotations

from gluonlab.cli.verbs import make_app

app = make_app(
    __name__,
    {
        "fetch": "Fetch a data set from its official address.",
        "pack": "Write images as verified record files for training.",
        "verify": "Decode every record and name every bad one.",
        "stats": "Show images per class, sizes, mean and deviation.",
        "show": "Draw what the network sees.",
    },
    "Fetch, pack, verify and look at data sets.",
)
