"""What users call, by module: ``docs/functions.md``."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterable
from types import ModuleType
from typing import Any

import tensorcore
import tensorcore.tensor as T
from tensorcore import Tensor, gradient, printing, sparse
from tensorcore.inspection import op_table
from tensorcore.tensor import fft, fourier, linalg, nlinalg, nnet, slinalg, variables
from tensorcore.types import TensorType

from .markdown import MADE, code, page_of, prose, table

#: Classes whose objects come from functions: nobody calls them.
_MADE_FOR_USERS = (tensorcore.Function, tensorcore.Shared, Tensor, tensorcore.Constant)


def page() -> str:
    """Every public function: signature and first sentence."""
    constructors = variables.constructors()
    words = {name: getattr(T, name) for name in T.__all__ if name not in constructors}
    top = {name: getattr(tensorcore, name) for name in tensorcore.__all__}
    return page_of(
        "# Functions",
        MADE,
        (
            "`import tensorcore` and `import tensorcore.tensor as T`. What a function accepts in "
            "detail is in its docstring: `help(T.tensordot)`. The ops behind them, with dtypes "
            "and errors: [ops.md](ops.md)."
        ),
        "## `tensorcore`",
        _table(top, ""),
        "## Variables",
        _constructors(),
        _table({name: getattr(T, name) for name in ("as_tensor", "as_tensor_variable")}, "T."),
        "What they make, for `isinstance`:",
        _table({name: value for name, value in words.items() if isinstance(value, type)}, "T."),
        *_by_module(words),
        "## `T.nnet`: neural networks",
        _table({name: getattr(nnet, name) for name in nnet.__all__}, "T.nnet."),
        *_modules(linalg, nlinalg, slinalg, fourier, fft),
        "## `tensorcore.sparse`: sparse matrices",
        _table({name: getattr(sparse, name) for name in sparse.__all__}, "sparse."),
        "## `tensorcore.gradient`",
        "`grad`, `jacobian`, `hessian`, `Rop`, `Lop` and `verify_grad` are in `T` as well.",
        _table({name: getattr(gradient, name) for name in gradient.__all__}, "gradient."),
        "## `tensorcore.printing`",
        _table({name: getattr(printing, name) for name in printing.__all__}, "printing."),
        "## Methods of tensors",
        "Beside the operators, indexing and `x.T`:",
        _table(dict(_methods()), "x."),
    )


def _constructors() -> str:
    ranks = ", ".join(code(rank) for rank in variables.RANKS)
    letters = ", ".join(
        f"`{kind.dtype}` {code(name.removesuffix('scalar'))}"
        for name, kind in variables.constructors().items()
        if name.endswith("scalar") and isinstance(kind, TensorType)
    )
    return (
        f"`T.matrix(name=None, dtype=None)` and the other ranks ({ranks}) make a variable; "
        f"without a dtype it is `floatX`. A letter in front fixes the dtype, as in "
        f"`T.dmatrix('x')`: {letters}. Any other type: `TensorType('uint8', (False, True))('x')`, "
        f"the flags saying which axes have size 1. Plural forms make several: "
        f"`T.dmatrices('x', 'y')` or `T.dmatrices(2)`."
    )


def _by_module(words: dict[str, Any]) -> list[str]:
    """A section for each module that defines some of the words, in the order of first use."""
    parts: dict[str, dict[str, Any]] = {}
    for name, value in words.items():
        home = getattr(value, "__module__", "")
        if isinstance(value, (ModuleType, type)) or not home:
            continue
        parts.setdefault(home, {})[name] = value
    made = []
    for home in sorted(parts, key=lambda m: (m.startswith("tensorcore.tensor"), m)):
        if home.startswith(("tensorcore.gradient", "tensorcore.verify", "tensorcore.node")):
            continue  # told under their own names
        made += [f"## {_title(home)}", _table(parts[home], "T.")]
    return made


def _modules(*modules: ModuleType) -> list[str]:
    """A section for each module; one that has a function of an earlier one only names it."""
    made: list[str] = []
    told: set[int] = set()
    for module in modules:
        own = {name: getattr(module, name) for name in module.__all__}
        new = {name: value for name, value in own.items() if id(value) not in told}
        old = ", ".join(code(name) for name in own if name not in new)
        short = module.__name__.rpartition(".")[2]
        made += [f"## `T.{short}`: {_title(module.__name__)}", _table(new, f"T.{short}.")]
        if old:
            made.append(f"The same as above: {old}.")
        told |= {id(value) for value in own.values()}
    return made


def _title(module: str) -> str:
    docstring = inspect.getdoc(importlib.import_module(module)) or module
    return prose(docstring.partition("\n\n")[0].partition(". ")[0].rstrip(".")).replace("\n", " ")


def _table(words: dict[str, Any], prefix: str) -> str:
    """One row per function; other names of the same one stand beside it."""
    names: dict[int, list[str]] = {}
    for name, value in words.items():
        names.setdefault(id(value), []).append(name)
    rows = []
    for same in names.values():
        first, *others = sorted(same, key=lambda n: (n != _own(words[n]), n))
        also = f" Also {', '.join(code(prefix + name) for name in others)}." if others else ""
        rows.append((code(_signature(words[first], prefix + first)), _first(words[first]) + also))
    return table(("name", "what it does"), rows)


def _own(value: Any) -> str:
    return str(getattr(value, "__name__", "")).rstrip("_")


def _signature(value: Any, name: str) -> str:
    if isinstance(value, ModuleType) or value in _MADE_FOR_USERS:
        return name
    try:
        return op_table.signature(value, name)
    except (TypeError, ValueError):
        return name


def _first(value: Any) -> str:
    docstring = inspect.getdoc(value) or ""
    return prose(" ".join(docstring.partition("\n\n")[0].split()))


def _methods() -> Iterable[tuple[str, Any]]:
    for name, value in sorted(vars(Tensor).items()):
        if not name.startswith("_") and inspect.isfunction(value) and value.__doc__:
            yield name, _unbound(value)


def _unbound(function: Any) -> Any:
    """A stand-in without ``self``, as a method is called."""
    plain = inspect.signature(function)
    first = next(iter(plain.parameters))

    def method() -> None: ...

    rest = [p for name, p in plain.parameters.items() if name != first]
    method.__signature__ = plain.replace(parameters=rest)  # type: ignore[attr-defined]
    method.__doc__ = function.__doc__
    return method
