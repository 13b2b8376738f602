"""A model leaves: opened, written, and checked by running what was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Optional

from gluonlab.build.portable_model import PortableModel, open_portable
from gluonlab.errors import SetupError
from gluonlab.inference.compare import compare_logits, real_images
from gluonlab.torch_engine import check_torch
from gluonlab.weights.formats import Format
from gluonlab.weights.which import Which


def export_model(
    target: Path,
    form: Format,
    folder: Path,
    *,
    check: bool,
    images: Sequence[Path] = (),
    which: Optional[Which] = None,
) -> dict[str, Any]:
    """Write the model ``target`` into ``folder``; returns what was written, and how it compares.

    ``images`` are files or folders to ``check`` it with, the digits that ship if there are none. The form
    ``pytorch`` needs no MXNet and is always checked. ``which`` of the weights leave, without it their average
    if there is one.

    Raises:
        ConfigError: an operator or the model has no such form.
        CheckpointError: it cannot be read or written, or CKP47 computes something else.
    """
    if form == "pytorch":
        return _as_module(target, folder, images, which)
    from gluonlab.build.opened_model import open_model
    from gluonlab.inference.parity import check_export
    from gluonlab.weights.exporting import export

    model = open_model(target, which)
    files = export(model.net, form, folder, model=model.name, input_shape=model.input_shape)
    comparison = None
    if check:
        batch = real_images(images, model.augmentation(), *model.normalisation)
        comparison = check_export(model.net, form, files, model.name, batch)
    return _report(model.name, form, files, comparison)


def _as_module(target: Path, folder: Path, images: Sequence[Path], which: Optional[Which]) -> dict[str, Any]:
    check_torch()
    from gluonlab.torch_engine.module_file import run_module, write_module
    from gluonlab.torch_engine.prediction import in_torch

    model = open_portable(target, which)
    compute = in_torch(model.graph, model.values, model.input_name, model.input_shape)
    files = write_module(folder, model.name, model.graph, model.values, model.input_name, model.input_shape)
    batch = real_images(images, model.augmentation(), *model.normalisation)
    expected = network_logits(target, model, batch, which)
    with_what = "torch" if expected is None else "mxnet"
    comparison = compare_logits(
        run_module(files, batch), compute(batch) if expected is None else expected, str(files[0])
    )
    return _report(model.name, "pytorch", files, {**comparison, "with": with_what})


def network_logits(target: Path, model: PortableModel, batch: Any, which: Optional[Which]) -> Any:
    """What MXNet computes for ``batch`` of the model that ``target`` is; None where it is not installed."""
    try:
        from gluonlab.build.opened_model import open_model
        from gluonlab.inference.engines import in_mxnet, make_engine
        from gluonlab.weights.gluon_graph import block_of
    except SetupError:
        return None
    if model.files:
        return in_mxnet(block_of(*model.files, model.input_name))(batch)
    return make_engine(open_model(target, which).net, "mxnet", model.input_shape)(batch)


def _report(model: str, form: Format, files: Sequence[Path], comparison: Any) -> dict[str, Any]:
    return {"model": model, "format": form, "files": [str(file) for file in files], "check": comparison}
