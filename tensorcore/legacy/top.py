"""What is found in ``theano`` itself and differs from ours: ``function`` with Theano's modes and
dicts of outputs, ``shared`` with ``target``, the configuration, versions."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import config as _ours
from ..arguments import Out, pairs
from ..bundles import BundledFunction
from ..containers import Container
from ..function import Function
from ..function import function as _function
from ..gradient import subgraph_grad
from ..node import Tensor
from ..scan import foldl, foldr, map, reduce, until
from ..shared import Shared
from ..shared import shared as _shared_variable
from .flags import change_flags, config
from .gradients import grad
from .graph_ops import OpFromGraph
from .modes import Mode, get_mode, predefined_modes
from .own_types import GenericShared, generic, with_objects
from .profiles import ProfileStats
from .user_ops import as_op

__all__ = [
    "Container", "FunctionMaker", "Method", "OpFromGraph", "PrinterState", "SymbolicInput",
    "SymbolicOutput", "as_op", "change_flags", "config", "config_var", "debugprint", "foldl",
    "foldr", "full_version", "function", "function_dump", "generic", "get_scalar_constant_value",
    "grad", "map", "pfunc", "pp", "pprint", "reduce", "safe_asarray", "scan", "shape_padright",
    "shared", "shared_constructor", "short_version", "sparse_grad", "subgraph_grad", "theano",
    "tile", "until", "version",
]  # fmt: skip

__version__ = version = full_version = "1.0.5"
short_version = "1.0"
config_var = config


class _DictFunction:
    """A function whose outputs have names; all else is the function's own."""

    def __init__(self, f: Function, names: list[str]) -> None:
        self._f, self._names = f, names

    def __call__(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The outputs by name; ``output_subset`` holds the names of those that are wanted."""
        wanted = kwargs.pop("output_subset", self._names)
        found = dict(zip(self._names, self._f(*args, **kwargs), strict=True))
        return {name: found[name] for name in wanted}

    def copy(self, *args: Any, **kwargs: Any) -> _DictFunction:
        """See ``Function.copy``."""
        return _DictFunction(self._f.copy(*args, **kwargs), self._names)

    @property
    def output_keys(self) -> list[str]:
        """The names of the outputs, in order."""
        return list(self._names)

    def __reduce__(self) -> tuple[Any, ...]:
        return (_DictFunction, (self._f, self._names))

    def __getitem__(self, key: Any) -> Any:
        return self._f[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._f[key] = value

    def __getattr__(self, name: str) -> Any:
        return getattr(self._f, name)


def function(
    inputs: Any,
    outputs: Any = None,
    mode: Any = None,
    updates: Any = None,
    givens: Any = None,
    no_default_updates: Any = False,
    accept_inplace: bool = False,
    name: str | None = None,
    rebuild_strict: bool = True,
    allow_input_downcast: bool | None = None,
    profile: Any = None,
    on_unused_input: str | None = None,
) -> Any:
    """``tensorcore.function``; the mode may be one of Theano's, the outputs a dict by name."""
    chosen = predefined_modes.get(mode) if isinstance(mode, str) else mode
    if mode is not None and not isinstance(chosen, Mode):
        chosen = get_mode(mode)
    if isinstance(outputs, dict) and any(not isinstance(name, str) for name in outputs):
        raise TypeError(
            f"function: a dict of outputs has names as its keys, found {list(outputs)!r:.60}."
        )
    names = sorted(outputs) if isinstance(outputs, dict) else None
    wanted = [outputs[n] for n in names] if names is not None else outputs
    flags: Any = contextlib.nullcontext()
    if chosen is not None:
        flags = _ours.change_flags(chosen.flags())
    wanted, updates = _rewritten(wanted, updates)
    timed = profile if profile is None or isinstance(profile, bool) else True
    made: Any
    with flags:
        made = _function(
            list(inputs) if isinstance(inputs, tuple) else inputs, wanted, None, updates, givens,
            no_default_updates, accept_inplace, name, rebuild_strict, allow_input_downcast, timed,
            on_unused_input,
        )  # fmt: skip
    if chosen is not None:
        if isinstance(made, BundledFunction):
            made = made.over(chosen.watch(made.inner))
        else:
            made = chosen.watch(made)
    if profile or isinstance(profile, ProfileStats):
        stats = profile if isinstance(profile, ProfileStats) else ProfileStats(message=name)
        stats.take(getattr(made, "inner", made))
    made = with_objects(made)
    return made if names is None else _DictFunction(made, names)


def pfunc(params: Any, outputs: Any = None, *args: Any, output_keys: Any = None, **k: Any) -> Any:
    """``function``; ``output_keys`` are names for a list of outputs."""
    named = outputs if output_keys is None else dict(zip(output_keys, outputs, strict=True))
    return function(params, named, *args, **k)


def _rewritten(outputs: Any, updates: Any) -> tuple[Any, Any]:
    """Outputs and new values after the rewrites that the program has registered."""
    from .rewriting import registered, rewritten

    if not registered:
        return outputs, updates
    many = isinstance(outputs, (list, tuple))
    changes = pairs(updates, "updates")
    listed = [*(outputs if many else [outputs]), *(value for _, value in changes)]
    plain = [o.variable if isinstance(o, Out) else o for o in listed]
    places = [k for k, o in enumerate(plain) if isinstance(o, Tensor)]
    for k, made in zip(places, rewritten([plain[k] for k in places]), strict=True):
        listed[k] = made
    count = len(outputs) if many else 1
    new = [(cell, v) for (cell, _), v in zip(changes, listed[count:], strict=True)]
    return (listed[:count] if many else listed[0]), new


def function_dump(filename: str, *args: Any, **kwargs: Any) -> None:
    """Write the arguments of ``function`` to a file, by pickle."""
    import pickle

    with open(filename, "wb") as file:
        pickle.dump((args, kwargs), file)


def shared(
    value: Any, name: str | None = None, strict: bool = False, allow_downcast: bool | None = None,
    **kwargs: Any,
) -> Shared:  # fmt: skip
    """``tensorcore.shared``; ``target`` names a device in Theano and changes nothing."""
    kwargs.pop("target", None)
    if hasattr(value, "asformat"):  # a matrix of SciPy
        from ..sparse import shared as sparse_shared

        return sparse_shared(value, name)  # type: ignore[return-value]
    if isinstance(value, np.random.RandomState):
        from ..tensor.stream_states import StreamVariable

        return StreamVariable.of(value, name)
    if _is_object(value):
        return GenericShared.of(value, name)
    return _shared_variable(value, name, strict, allow_downcast, **kwargs)


def _is_object(value: Any) -> bool:
    """Whether a value is neither numbers nor a tensor, as a dict or a text."""
    try:
        return not isinstance(value, Tensor) and np.asarray(value).dtype.kind not in "biufc"
    except ValueError:  # ragged
        return True


_shared = shared


def shared_constructor(ctor: Any, remove: bool = False) -> Any:
    """The constructor itself: every kind of value that can be shared has one already."""
    return ctor


def safe_asarray(
    a: Any, dtype: Any = None, order: Any = None, copy: bool | None = None
) -> np.ndarray:
    """An array of this dtype (``floatX`` among them)."""
    word = config.floatX if dtype == "floatX" else dtype
    return np.asarray(a, dtype=word, order=order)


_asarray = safe_asarray


def sparse_grad(var: Tensor) -> Tensor:
    """``var``: the gradient of rows that are taken is always added row by row."""
    return var


def _absent(what: str, words: str) -> Callable[..., Any]:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{what} is not here: {words}")

    refuse.__name__ = what
    return refuse


FunctionMaker = _absent("FunctionMaker", "call theano.function.")
Method = _absent("Method", "call theano.function.")
PrinterState = _absent("PrinterState", "theano.printing.pp(expression) gives the text.")
SymbolicInput = _absent("SymbolicInput", "use theano.In.")
SymbolicOutput = _absent("SymbolicOutput", "use theano.Out.")


def __getattr__(name: str) -> Any:
    if name == "scan":
        from .scans import scan

        return scan
    if name == "get_scalar_constant_value":
        from .tensors import get_scalar_constant_value

        return get_scalar_constant_value
    if name in ("debugprint", "pp", "pprint"):
        from . import printers

        return getattr(printers, name)
    if name in ("tile", "shape_padright"):
        from .. import tensor

        return getattr(tensor, name)
    if name == "theano":
        import sys

        return sys.modules["theano"]
    raise AttributeError(f"tensorcore.legacy.top has no {name!r}.")
