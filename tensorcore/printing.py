"""Expressions as text and pictures: ``pp`` in mathematical notation, ``debugprint`` as a tree,
``to_svg`` and ``pydotprint`` as drawings."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from .graph import toposort
from .node import Tensor, TensorLike, constant_text, is_constant
from .ops.control import bodies_of

if TYPE_CHECKING:
    from .inspection.drawing import pydotprint, to_svg

__all__ = ["Print", "debugprint", "min_informative_str", "pp", "pprint", "pydotprint", "to_svg"]


def __getattr__(name: str) -> Any:
    # Drawing is loaded by those who draw.
    if name in ("pydotprint", "to_svg"):
        from .inspection import drawing

        return getattr(drawing, name)
    raise AttributeError(f"tensorcore.printing has no {name!r}.")


_PREFIX = frozenset({"neg"})
#: ``pp`` writes repeated parts in full as long as the whole stays shorter than this.
_FULL = 5_000
_WORTH_A_NAME = 20
_INDENTED = 40


def pp(expression: Tensor) -> str:
    """The expression in mathematical notation, fully bracketed, as Theano prints it.

    Where writing repeated parts in full would take thousands of letters, each is written once,
    in lines such as ``*1 = exp(x)`` below the expression, which refers to it as ``*1``. Raises
    TypeError for what is no expression.
    """
    return formula(expression, _named_op)


def _named_op(node: Tensor) -> str:
    assert node.op is not None
    return f"{node.op.name}{_attrs(node)}"


def formula(expression: Tensor, label: Callable[[Tensor], str]) -> str:
    """The text of ``pp``: ``label`` says what the op of a node is called."""
    order = toposort(_roots(expression, "pp"))
    lengths: dict[Tensor, int] = {}
    for node in order:
        lengths[node] = sum(
            len(p) if isinstance(p, str) else lengths[p] for p in _parts(node, label)
        )
    names: dict[Tensor, str] = {}
    if lengths[expression] > _FULL:
        uses = Counter(i for node in order for i in node.inputs)
        shared = (n for n in order if uses[n] > 1 and n.inputs and lengths[n] > _WORTH_A_NAME)
        names = {node: f"*{k}" for k, node in enumerate(shared, 1)}
    lines = [_written(expression, names, label)]
    lines += [f"{name} = {_written(node, names, label)}" for node, name in names.items()]
    return "\n".join(lines)


pprint = pp


def _written(root: Tensor, names: dict[Tensor, str], label: Callable[[Tensor], str]) -> str:
    """The text of one expression; parts that have names are not opened."""
    text: list[str] = []
    stack: list[str | Tensor] = list(reversed(list(_parts(root, label))))
    while stack:
        part = stack.pop()
        if isinstance(part, str):
            text.append(part)
        elif part in names:
            text.append(names[part])
        else:
            stack.extend(reversed(list(_parts(part, label))))
    return "".join(text)


def _parts(node: Tensor, label: Callable[[Tensor], str]) -> Iterator[str | Tensor]:
    """The pieces of a node's text, its operands among them."""
    if node.op is None:
        yield node.name or f"<{node.type!r}>"
    elif is_constant(node):
        yield constant_text(node)
    elif node.op.symbol and len(node.inputs) == 2:
        yield from ("(", node.inputs[0], f" {node.op.symbol} ", node.inputs[1], ")")
    elif node.op.name == "checked":  # what it looks at is no part of the formula
        yield node.inputs[0]
    elif node.op.name in _PREFIX:
        yield from ("(-", node.inputs[0], ")")
    else:
        yield f"{label(node)}("
        for k, operand in enumerate(node.inputs):
            if k:
                yield ", "
            yield operand
        yield ")"


def _attrs(node: Tensor) -> str:
    attrs = dict(node.attrs)
    if node.op is not None and node.op.name == "checked":
        attrs = {"error": attrs["error"]}
    if bodies_of(node):  # what is inside is shown for itself; of the rest, what is not usual
        attrs = {name: value for name, value in attrs.items() if value not in (False, 0, -1)}
        states = attrs.pop("states", None)
        attrs = {} if states is None else {**attrs, "taps": [list(s.taps) for s in states]}
        attrs.pop("body", None)
    inside = ", ".join(f"{name}={value}" for name, value in attrs.items())
    return f"{{{inside}}}" if inside else ""


def _roots(obj: Any, what: str) -> list[Tensor]:
    """The expressions that ``obj`` (an expression, a list of them, a function) holds."""
    if hasattr(obj, "maker"):
        return list(obj.maker.fgraph.outputs)
    if hasattr(obj, "toposort"):
        return list(obj.outputs)
    roots = list(obj) if isinstance(obj, (list, tuple)) else [obj]
    for root in roots:
        if not isinstance(root, Tensor):
            raise TypeError(
                f"{what}: expected an expression, a list of expressions or a compiled function, "
                f"found {root!r:.80} of type {type(root).__name__}."
            )
    return roots


def debugprint(
    obj: Any,
    depth: int = -1,
    print_type: bool = False,
    file: TextIO | str | None = None,
    ids: str = "int",
    stop_on_name: bool = False,
) -> str | None:
    """The expression, list of expressions or compiled function as an indented tree.

    Printed to ``file`` (standard output by default); returned when ``file="str"``. A node that
    was shown before is marked ``...`` and not opened again. ``depth``: levels to show, -1 for
    all. ``ids``: ``"int"``, ``"CHAR"`` (letters) or ``""`` for none. With ``stop_on_name``
    named results are not opened. The number after a function's node is its place in the order
    of computation. What is inside loops and choices follows, under their ids. Raises TypeError
    for other objects, ValueError for other ``ids``.
    """
    text = tree(obj, depth, print_type, ids, stop_on_name, _label)
    if file == "str":
        return text
    print(text, file=sys.stdout if file is None else file)  # type: ignore[arg-type]
    return None


def tree(
    obj: Any, depth: int, print_type: bool, ids: str, stop_on_name: bool,
    label: Callable[[Tensor], str], after: Callable[[Tensor], str] | None = None,
) -> str:  # fmt: skip
    """The text of ``debugprint``: ``label`` says what a node is called, ``after`` what follows its
    id."""
    if ids not in ("int", "CHAR", ""):
        raise ValueError(f"debugprint: ids is 'int', 'CHAR' or '', found {ids!r}.")
    roots = _roots(obj, "debugprint")
    place: dict[Tensor, int] = {}
    if hasattr(obj, "maker"):
        computed = (node for node in toposort(roots) if node.inputs)
        place = {node: k for k, node in enumerate(computed)}
    lines: list[str] = []
    seen: dict[Tensor, int] = {}
    stack = [(root, 0) for root in reversed(roots)]
    inside: list[tuple[Tensor, Sequence[Tensor]]] = []
    while stack or inside:
        if not stack:
            owner, outputs = inside.pop(0)
            number = _letters(seen[owner]) if ids == "CHAR" else seen[owner]
            lines.append(f"inside {label(owner)} [id {number}]:")
            stack = [(output, 1) for output in reversed(outputs)]
            continue
        node, level = stack.pop()
        known = node in seen
        words = [label(node)]
        if print_type:
            words.append(f"<{node.type!r}>")
        number = seen.setdefault(node, len(seen))
        if ids:
            words.append(f"[id {_letters(number) if ids == 'CHAR' else number}]")
        if after is not None and node.inputs:
            words.append(after(node))
        if node in place:
            words.append(str(place[node]))
        last = depth >= 0 and level + 1 >= depth
        closed = known or last or (stop_on_name and node.name)
        if closed and node.inputs:
            words.append("...")
        lines.append(_indent(level) + " ".join(words))
        if not known:
            inside.extend((node, body.outputs) for body in bodies_of(node))
        if not closed:
            stack.extend((i, level + 1) for i in reversed(node.inputs))
    return "\n".join(lines)


def _indent(level: int) -> str:
    """Bars up to a level that fits on a screen, then the number of the level."""
    return " |" * level if level <= _INDENTED else " |" * _INDENTED + f" ({level}) "


def _letters(number: int) -> str:
    text = ""
    while True:
        number, letter = divmod(number, 26)
        text = chr(ord("A") + letter) + text
        if not number:
            return text
        number -= 1


def _label(node: Tensor) -> str:
    if node.op is None or is_constant(node):
        return repr(node)
    name = f" '{node.name}'" if node.name else ""
    return f"{node.op.name}{_attrs(node)}{name}"


def min_informative_str(obj: Any) -> str:
    """The expression as short lines ``A. op``, one per node, indented by depth; a node that was
    shown before is ``<A>``. Raises TypeError for what is no expression."""
    lines: list[str] = []
    seen: dict[Tensor, str] = {}
    stack: list[tuple[Tensor, int]] = [(r, 0) for r in reversed(_roots(obj, "min_informative_str"))]
    while stack:
        node, level = stack.pop()
        if node in seen:
            lines.append(" " * level + f"<{seen[node]}>")
            continue
        seen[node] = _letters(len(seen))
        label = node.name or (node.op.name if node.op and node.inputs else repr(node))
        lines.append(" " * level + f"{seen[node]}. {label}")
        if not node.name:
            stack.extend((i, level + 1) for i in reversed(node.inputs))
    return "\n".join(lines)


class Print:
    """``Print("message")(x)`` is ``x``, and prints its value whenever a call computes it.

    ``attrs`` names what is printed of the array: attributes such as ``shape``, or methods without
    arguments such as ``__str__`` and ``mean``. ``global_fn(printer, array)``, if given, is called
    instead of printing. A value that no output needs is not computed, hence not printed.
    """

    def __init__(
        self,
        message: str = "",
        attrs: Sequence[str] = ("__str__",),
        global_fn: Callable[[Print, Any], None] | None = None,
    ) -> None:
        if not isinstance(message, str):
            raise TypeError(f"Print: the message is text, found {message!r}.")
        unknown = [name for name in attrs if not hasattr(np.ndarray, name)]
        if unknown:
            raise AttributeError(
                f"Print: arrays have no {unknown[0]!r}; attrs names what to print."
            )
        self.message = message
        self.attrs = tuple(attrs)
        self.global_fn = global_fn

    def __call__(self, x: TensorLike) -> Tensor:
        """``x``, printed when it is computed. Raises DTypeError for what is no tensor."""
        from .ops.host import shown

        return shown(x, show=self._show)

    def _show(self, value: Any) -> None:
        if self.global_fn is not None:
            self.global_fn(self, value)
            return
        for name in self.attrs:
            found = getattr(value, name)
            print(self.message, name, "=", found() if callable(found) else found)
