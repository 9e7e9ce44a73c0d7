"""Names of ``theano.printing`` that only old programs use."""

from __future__ import annotations

import os
from typing import Any

from ..node import Tensor, is_constant
from ..origin import warn
from ..printing import formula, to_svg, tree
from ..printing import pydotprint as _drawn

__all__ = [
    "DefaultPrinter", "FunctionPrinter", "IgnorePrinter", "LeafPrinter", "OperatorPrinter",
    "PPrinter", "PatternPrinter", "d3viz", "d3write", "debugprint", "hex_digest",
    "position_independent_str", "pp", "pprint", "pydot_imported", "pydotprint", "var_descriptor",
]  # fmt: skip

pydot_imported = True


def debugprint(
    obj: Any, depth: int = -1, print_type: bool = False, file: Any = None, ids: str = "CHAR",
    stop_on_name: bool = False, done: Any = None, print_storage: bool = False, **more: Any,
) -> Any:  # fmt: skip
    """``tensorcore.printing.debugprint``, with the ops under Theano's names."""
    text = tree(obj, depth, print_type, ids, stop_on_name, _old_label, _old_name)
    if file == "str":
        return text
    print(text, file=file)
    return file


def pp(expression: Any) -> str:
    """``tensorcore.printing.pp``, with the ops under Theano's names."""
    return formula(expression, _in_formula)


pprint = pp


def _in_formula(node: Tensor) -> str:
    text = _old_label(node)
    if text.startswith("Elemwise{"):
        text = text.removeprefix("Elemwise{").removesuffix("}").removesuffix(",no_inplace")
    return text


def _old_label(node: Tensor) -> str:
    if node.op is None or is_constant(node) or node.owner is None:
        return repr(node)
    return str(node.owner.op)


def _old_name(node: Tensor) -> str:
    return f"'{node.name or ''}'  "


def pydotprint(
    fct: Any, outfile: Any = None, compact: bool = True, format: str | None = None, **kwargs: Any
) -> str | None:
    """``tensorcore.printing.pydotprint``; for another kind of picture than SVG it says that SVG is
    written, and goes on."""
    path = os.fspath(outfile) if outfile is not None else None
    root, ending = os.path.splitext(path or "")
    if (format or ending.lstrip(".") or "svg").lower() != "svg" and path is not None:
        warn(f"pydotprint: pictures are drawn as SVG; {root}.svg is written, not {path}.")
        path = f"{root}.svg"
    return _drawn(fct, path, compact, "svg", **kwargs)


def var_descriptor(obj: Any, prev: Any = None, tag_generator: Any = None) -> str:
    """A text that is the same for expressions that are the same."""
    return str(debugprint(obj, file="str"))


def hex_digest(x: Any) -> str:
    """A digest of an array."""
    from .compat import hex_digest as digest

    return digest(x)


class _TagGenerator:
    """Short names, one after the other."""

    def __init__(self) -> None:
        self._count = 0

    def get_tag(self) -> str:
        """The next name."""
        from ..printing import _letters

        self._count += 1
        return _letters(self._count - 1)


def d3viz(fct: Any, outfile: Any, *args: Any, **kwargs: Any) -> Any:
    """A page with a picture of an expression or function."""
    picture = to_svg(fct)
    with open(outfile, "w", encoding="utf-8") as file:
        file.write(f"<!DOCTYPE html>\n<html><body>{picture}</body></html>\n")


d3write = d3viz


def position_independent_str(obj: Any) -> str:
    """``min_informative_str``."""
    from ..printing import min_informative_str

    return min_informative_str(obj)


class PPrinter:
    """Theano's printer, or a rule for it, kept and not used: ``pp`` knows how each op reads."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.args = args

    def assign(self, condition: Any, printer: Any = None) -> None:
        """Nothing."""

    def process(self, expression: Any, *args: Any) -> str:
        """The expression as text."""
        return pp(expression)

    __call__ = process


FunctionPrinter = OperatorPrinter = PatternPrinter = IgnorePrinter = PPrinter
DefaultPrinter = LeafPrinter = PPrinter
