"""Shards that other tools have written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Union, cast

from pydantic import Field

from gluonlab.data.sections.base import Split
from gluonlab.data.sections.files import ShardedSection

if TYPE_CHECKING:
    from gluonlab.data.shards import ShardKind
    from gluonlab.data.verification.verify import Kind


class ShardsSection(ShardedSection):
    """Files of many images each that other tools have written."""

    def _local_paths(self, split: Split) -> list[Path]:
        from gluonlab.data.shards.files import shard_files

        return shard_files(cast("ShardKind", self.kind), self.place(split))


class WebDatasetSection(ShardsSection):
    """Tar shards of WebDataset; labels in `.cls` or `.json`."""

    kind: ClassVar[Kind] = "webdataset"

    name: Literal["webdataset"] = "webdataset"
    train: Union[str, list[str]] = Field(
        min_length=1,
        description="Training shards: a `.tar` file, a list, a folder of them, or a pattern such as "
        "`train-{000..146}.tar` or `train-*.tar`.",
    )
    val: Union[str, list[str]] = Field(min_length=1, description="Those of validation, likewise.")


class MdsSection(ShardsSection):
    """MDS shards of MosaicML's streaming."""

    kind: ClassVar[Kind] = "mds"

    name: Literal["mds"] = "mds"
    train: Union[str, list[str]] = Field(
        min_length=1, description="Training folder, with an `index.json`, or a list of them."
    )
    val: Union[str, list[str]] = Field(min_length=1, description="That of validation, likewise.")


class ParquetSection(ShardsSection):
    """Parquet files with a column of image files and one of labels."""

    kind: ClassVar[Kind] = "parquet"

    name: Literal["parquet"] = "parquet"
    train: Union[str, list[str]] = Field(
        min_length=1,
        description="Training files: a `.parquet` file, a list, a folder of them, or a pattern such as "
        "`train-*.parquet`.",
    )
    val: Union[str, list[str]] = Field(min_length=1, description="Those of validation, likewise.")
