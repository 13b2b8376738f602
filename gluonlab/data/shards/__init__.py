"""Files of many images that other tools write: tar shards of WebDataset, MDS shards of MosaicML, Parquet."""

from __future__ import annotations

from typing import Literal

ShardKind = Literal["webdataset", "mds", "parquet"]
SHARD_KINDS: tuple[ShardKind, ...] = ("webdataset", "mds", "parquet")
