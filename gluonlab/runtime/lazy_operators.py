"""MXNet's operators, each compiled when it is first called: that takes two thirds from MXNet's import.

MXNet writes the source of a Python function for each of its operators, in `mxnet.nd`, `mxnet.sym` and
`mxnet.np` anew, and compiles all of them. A program calls a hundred.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import FunctionType, ModuleType
from typing import Any, Optional

MakeOperator = Callable[[Any, str, str], FunctionType]  # of a handle, a name in MXNet, a name in Python


def make_operators_lazily() -> None:
    """From now on, if MXNet is not imported yet.

    An operator has its signature and documentation from its first call on, so nothing changes where somebody
    sits at a prompt.
    """
    is_at_a_prompt = hasattr(sys, "ps1") or bool(sys.flags.interactive)
    if "mxnet" not in sys.modules and not is_at_a_prompt:
        sys.meta_path.insert(0, _FinderOfBase())


class _FinderOfBase(MetaPathFinder):
    """Finds `mxnet.base` like everybody else, and then has it make operators lazily."""

    def find_spec(
        self, fullname: str, path: Optional[Sequence[str]], target: Optional[ModuleType] = None
    ) -> Optional[ModuleSpec]:
        """The spec of `mxnet.base`; None for any other module."""
        if fullname != "mxnet.base":
            return None
        sys.meta_path.remove(self)
        spec = PathFinder.find_spec(fullname, path, target)
        if spec and spec.loader:
            spec.loader = _LoaderOfBase(spec.loader)
        return spec


class _LoaderOfBase(Loader):
    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def exec_module(self, module: ModuleType) -> None:
        """Run ``module`` and exchange what the modules of operators will call."""
        self._loader.exec_module(module)
        init_op_module, init_np_op_module = module._init_op_module, module._init_np_op_module

        def init_lazily(root_namespace: str, module_name: str, make_op_func: MakeOperator) -> None:
            init_op_module(root_namespace, module_name, lazy(make_op_func))

        def init_np_lazily(
            root_module_name: str, np_module_name: str, mx_module_name: str, make_op_func: MakeOperator
        ) -> None:
            init_np_op_module(root_module_name, np_module_name, mx_module_name, lazy(make_op_func))

        vars(module).update(_init_op_module=init_lazily, _init_np_op_module=init_np_lazily)


def lazy(make_operator: MakeOperator) -> MakeOperator:
    """Like ``make_operator``, but the function that it returns is made whole by its first call."""

    def make(handle: Any, name: str, python_name: str) -> FunctionType:
        function = FunctionType(_call_for_the_first_time.__code__, make_operator.__globals__, python_name)
        function.__kwdefaults__ = {"_complete": partial(_complete, function, make_operator, handle, name)}
        function.__doc__ = ""  # MXNet edits some
        return function

    return make


def _call_for_the_first_time(*arguments: Any, _complete: Callable[[], FunctionType], **named: Any) -> Any:
    return _complete()(*arguments, **named)


def _complete(function: FunctionType, make_operator: MakeOperator, handle: Any, name: str) -> FunctionType:
    """Exchange the body, so that whoever has ``function`` already has the operator."""
    whole = make_operator(handle, name, function.__name__)
    function.__doc__ = function.__doc__ or whole.__doc__
    function.__defaults__ = whole.__defaults__
    function.__code__ = whole.__code__  # last: another thread may call it meanwhile
    return function
