"""MXNet's RecordIO files, read with suspicion and written atomically."""

from gluonlab.data.recordio.format import (
    IMAGE_HEADER,
    MAGIC_BYTES,
    frame,
    pack_image_record,
    temporary_path,
    unpack_image_record,
)
from gluonlab.data.recordio.index import parse_index
from gluonlab.data.recordio.reader import RecordReader, RecordTable
from gluonlab.data.recordio.writer import RecordWriter

__all__ = [
    "IMAGE_HEADER",
    "MAGIC_BYTES",
    "RecordReader",
    "RecordTable",
    "RecordWriter",
    "frame",
    "pack_image_record",
    "parse_index",
    "temporary_path",
    "unpack_image_record",
]
