"""Where a node comes from: the user's line, and the function that was called there.

Functions are made of ops that their callers never wrote. A message names what was called, so
the walk to the user's line also notes the last of our functions that it passes.
"""

from __future__ import annotations

import linecache
import sys
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from .node import Tensor

_PACKAGE = __file__.rpartition("origin.py")[0]
_SITE: dict[str, bool] = {}


class Origin(NamedTuple):
    """File and line of the user's code; there, the qualified name of our function that was
    called, and the place of the call in the code, which tells apart two calls of one line."""

    file: str
    line: int
    called: str = ""
    place: int = -1


class _Override(threading.local):
    origin: Origin | None = None


_override = _Override()


def user_line() -> Origin:
    """The innermost caller outside tensorcore, and what it called."""
    if _override.origin is not None:
        return _override.origin
    frame = sys._getframe(1)
    called = ""
    while True:
        code = frame.f_code
        inside = _SITE.get(code.co_filename)
        if inside is None:
            inside = _SITE[code.co_filename] = code.co_filename.startswith(_PACKAGE)
        back = frame.f_back
        if not inside or back is None:
            return Origin(code.co_filename, frame.f_lineno, called, frame.f_lasti)
        called = code.co_qualname
        frame = back


class made_at:
    """Context: nodes made inside carry this origin (of the node they stand for)."""

    def __init__(self, origin: Origin | None) -> None:
        self._origin = origin

    def __enter__(self) -> None:
        self._previous = _override.origin
        _override.origin = self._origin

    def __exit__(self, *_: object) -> None:
        _override.origin = self._previous


_SHOWN: dict[Any, Any] = {}  # where `warnings` notes what was shown already


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """A warning that names the line of the user's code, however deep inside we are."""
    import warnings

    origin = user_line()
    warnings.warn_explicit(message, category, origin.file, origin.line, registry=_SHOWN)


# -- in words -------------------------------------------------------------------------------


def where_made(node: Tensor) -> str:
    """``file:line`` of a node, for messages."""
    return f"{node.origin.file}:{node.origin.line}"


def source_line(origin: Origin) -> str:
    """``file:line: text`` of the user's line."""
    text = linecache.getline(origin.file, origin.line).strip()
    return f"{origin.file}:{origin.line}" + (f": {text}" if text else "")


def called(node: Tensor) -> str:
    """The function by which the user made a node; nothing where that is the op itself, or an
    operator."""
    *owner, name = node.origin.called.split(".")
    if "<locals>" in owner:  # made where it is called, as wrappers are: no name that users know
        return ""
    if name == "__call__" and owner and owner[-1] != "Op":
        return owner[-1]
    if name == "__getitem__" and owner == ["Operators"]:
        return "x[...]"
    return "" if name.startswith(("_", "<")) else name.rstrip("_")


def label(node: Tensor) -> str:
    """What messages call a node: the function that the user called; and in brackets the op
    inside it, where that works on something else than what the function was given."""
    op = node.op
    if op is None:
        return "input"
    function = called(node)
    if function in ("", op.name, op.title):
        return op.title
    if op.family.name == "checked":  # it looks at what another op of the function takes
        return function
    data = node.inputs[: op.family.data]
    own = all(not operand.inputs or _is_given(operand, node) for operand in data)
    return function if own else f"{function} (its {op.title})"


def inside(node: Tensor) -> Origin:
    """The origin of what stands for a node: there the node's op is what the user called."""
    assert node.op is not None
    return node.origin if called(node) else node.origin._replace(called=node.op.title)


def _is_given(operand: Tensor, node: Tensor) -> bool:
    return operand.op is None or (bool(operand.inputs) and operand.origin != node.origin)


def arguments(node: Tensor) -> list[Tensor]:
    """What the user's function was given, as far as the node depends on it: the operands that
    this call did not make. Constants are left out."""
    found: dict[Tensor, None] = {}
    seen = {node}
    stack = list(reversed(node.inputs))
    while stack:
        operand = stack.pop()
        if _is_given(operand, node):
            found[operand] = None
        elif operand not in seen:
            seen.add(operand)
            stack.extend(reversed(operand.inputs))
    return list(found)
