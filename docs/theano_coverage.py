"""Which of the symbols that public programs for Theano use are here: each row of
``docs/theano_symbols.csv`` is looked up in the modules that ``install_as_theano`` makes.

The table was counted over 97 public codebases: symbol, kind, repositories, uses. Used by
``docs/pages/theano.py`` and ``tests/test_theano_coverage.py``.
"""

from __future__ import annotations

import csv
import importlib
import inspect
import re
from pathlib import Path
from typing import Any, NamedTuple

TABLE = Path(__file__).with_name("theano_symbols.csv")
#: What is written in a program's own class, or in the language: nothing to look up.
_WRITTEN = {
    "operator": "operators of `Tensor`", "index": "`Tensor.__getitem__`",
    "opmethod": "`tensorcore.legacy.user_ops.Op`",
}  # fmt: skip
_OWN = "the program's own; Theano has it neither"
#: Symbols that are no counterpart to be had, and why; names as in the table.
REASONS: dict[str, str] = {}
_METHODS_OF_LISTS = {"compiled.readlines", "compiled.write", "compiled.close", "compiled.eval",
                     "compiled.get_value", "compiled.update"}  # fmt: skip
_NOT_TENSORS = {"tensor.dtype()", "tensor.shape()", "tensor.size()", "tensor.ndim()",
                "tensor.real()", "tensor.imag()", "tensor.T()", "tensor.name()", "tensor.value()",
                "tensor.zero()"}  # fmt: skip


#: Kinds of symbols that say what is computed, with the keywords of these.
_NUMERICAL = (
    "function", "op", "class", "type", "method", "methkw", "operator", "opmethod", "index", "attr",
    "rstream", "rskwarg", "kwarg",
)  # fmt: skip
#: What begins like this is machinery: the compiler and its graphs, devices, tools.
_MACHINERY = re.compile(
    r"theano\.(gof|compile|compat|printing|configparser|tests|gpuarray|sandbox\.(cuda|gpuarray)"
    r"|tensor\.opt|scan_module\.scan_op|(tensor\.)?(Op|Apply|Variable|Mode)\b)"
)


class Row(NamedTuple):
    """A symbol, how often it is used, where it is here, or (with ``here`` empty) why it is not."""

    symbol: str
    kind: str
    repositories: int
    uses: int
    here: str
    reason: str


def rows() -> list[Row]:
    """All rows of the table, looked up."""
    from tensorcore.legacy import finder

    fresh = finder.install()  # without the flags of the environment
    with TABLE.open(encoding="utf-8", newline="") as file:
        listed = list(csv.reader(file))[1:]
    try:
        return [
            Row(symbol, kind, int(repositories), int(uses), *_place(symbol, kind))
            for symbol, kind, repositories, uses in listed
        ]
    finally:
        if fresh:
            finder.uninstall()


def _place(symbol: str, kind: str) -> tuple[str, str]:
    try:
        here = _LOOKS.get(kind, _object)(symbol)
    except (ImportError, AttributeError, KeyError, ValueError, SyntaxError) as missing:
        words = str(missing).strip("'").replace(" docs/theano.md lists what is.", "")
        return "", REASONS.get(symbol) or words or type(missing).__name__
    return (here, "") if here else ("", REASONS.get(symbol, _OWN))


def _found(dotted: str) -> Any:
    parts = dotted.split(".")
    value: Any = importlib.import_module(parts[0])
    for k, part in enumerate(parts[1:], 1):
        try:
            value = getattr(value, part)
        except AttributeError:
            if not inspect.ismodule(value):
                raise
            value = importlib.import_module(".".join(parts[: k + 1]))
    return value


def _named(value: Any) -> str:
    module = getattr(value, "__module__", "")
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", "")
    if inspect.ismodule(value):
        return "module"
    return f"{module}.{name}" if module and name else type(value).__name__


def _object(symbol: str) -> str:
    return _named(_found(symbol))


def _imported(symbol: str) -> str:
    space: dict[str, Any] = {}
    exec(symbol, space)
    return "import"


def _keyword(symbol: str) -> str:
    called, _, word = symbol.rstrip(")").partition("(")
    value = _found(called)
    return _takes(value, word.rstrip("="))


def _takes(value: Any, word: str) -> str:
    if inspect.isclass(value) and value.__init__ is object.__init__:
        value = value.__new__
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return _named(value)
    loose = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if not (word in parameters or loose or word.startswith("<")):
        raise KeyError(f"no argument {word}")
    return _named(value)


def _classes() -> tuple[Any, ...]:
    import tensorcore

    return tensorcore.Tensor, tensorcore.Shared


def _method(symbol: str) -> str:
    name = symbol.split(".", 1)[1].split("(", maxsplit=1)[0]
    if symbol in _NOT_TENSORS:
        return "of arrays and of other objects"
    if name == "tag.test_value":
        name = "tag"
    for kind in _classes():
        if hasattr(kind, name):
            return f"tensorcore.{kind.__name__}.{name}"
    raise AttributeError(f"tensors have no {name}")


def _method_keyword(symbol: str) -> str:
    called, word = re.match(r"tensor\.(\w+)\((\w+)=\)", symbol).groups()  # type: ignore[union-attr]
    for kind in _classes():
        if hasattr(kind, called):
            return _takes(getattr(kind, called), word)
    raise AttributeError(f"tensors have no {called}")


def _stream(symbol: str) -> str:
    from tensorcore.tensor.shared_randomstreams import RandomStreams

    called, _, word = symbol.split(".", 1)[1].rstrip("=)").partition("(")
    method = getattr(RandomStreams, called)
    return _takes(method, word) if word else _named(method)


def _compiled(symbol: str) -> str:
    import tensorcore

    if symbol in _METHODS_OF_LISTS:
        return "of files and other objects"
    name = symbol.split(".")[1]
    if name in ("maker", "fn", "trust_input", "input_storage", "fgraph"):
        f = tensorcore.function([], tensorcore.tensor.constant(1.0), backend="numpy_ref")
        getattr(f.maker if name == "fgraph" else f, name)
        return f"tensorcore.Function.{name}"
    raise AttributeError(f"functions have no {name}")


def _flag(symbol: str) -> str:
    from tensorcore.legacy.flags import FLAGS

    if symbol.startswith("mentions"):
        return "read"
    name = symbol.split(":", 1)[1]
    return f"flag: {FLAGS[name].meaning}"


def _flag_value(symbol: str) -> str:
    from tensorcore.legacy.flags import FLAGS

    return f"flag: {FLAGS[symbol.split('=', maxsplit=1)[0]].meaning}"


_LOOKS = {
    **{kind: (lambda symbol, where=where: where) for kind, where in _WRITTEN.items()},
    "import": _imported, "kwarg": _keyword, "attr": _method, "method": _method,
    "method?": _method, "methkw": _method_keyword, "rstream": _stream, "rskwarg": _stream,
    "compiled": _compiled, "flag": _flag, "flagval": _flag_value,
}  # fmt: skip


def numerical(found: list[Row]) -> list[Row]:
    """The symbols of two or more repositories that say what is computed."""
    return [
        row
        for row in found
        if row.repositories >= 2
        and row.kind in _NUMERICAL
        and not _MACHINERY.match(row.symbol)
        and row.symbol not in _NOT_TENSORS
    ]


def shares(found: list[Row]) -> tuple[float, float]:
    """The share of uses that is here, and of the symbols that two or more repositories use. Guesses
    (kind ``method?``) do not count."""
    counted = [row for row in found if row.kind != "method?"]
    uses = sum(row.uses for row in counted if row.here) / sum(row.uses for row in counted)
    common = [row for row in counted if row.repositories >= 2]
    return uses, sum(1 for row in common if row.here) / len(common)


if __name__ == "__main__":
    looked_up = rows()
    print("uses {:.4f}, symbols of two or more {:.4f}".format(*shares(looked_up)))
    for row in looked_up:
        if not row.here:
            print(row.repositories, row.uses, row.kind, row.symbol, "--", row.reason)
