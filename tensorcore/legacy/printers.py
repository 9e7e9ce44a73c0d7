"""Names of ``theano.printing`` that only old programs use."""

from __future__ import annotations

from typing import Any

from ..printing import debugprint, pydotprint

__all__ = ["d3viz", "hex_digest", "var_descriptor", "pydot_imported"]

pydot_imported = True


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
    """A picture of an expression or function, as SVG."""
    return pydotprint(fct, outfile=str(outfile))
