"""Any source as a record file ``<prefix>.rec`` with its indexes and ``<prefix>.classes.txt``."""

from gluonlab.data.packing.encode import Encoding, encode_jpeg, encode_png, resize_shorter_side
from gluonlab.data.packing.pack import PackReport, Progress, pack_source, usable_cores

__all__ = [
    "Encoding",
    "PackReport",
    "Progress",
    "encode_jpeg",
    "encode_png",
    "pack_source",
    "resize_shorter_side",
    "usable_cores",
]
