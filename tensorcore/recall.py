"""Programs that the cache has: a warm start neither rewrites nor lowers.

The key is everything that those passes read: the graph with the user's lines, the options, what
the backend takes, and our own code. What has no plain text, such as an op of the user's, has no
key, and is lowered each time.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from os.path import dirname
from typing import Any

import numpy as np

from . import cache, config, errors, program
from .backend import Capabilities
from .graph import Graph, toposort
from .node import Tensor
from .ops._declare import OPS, Op
from .ops.control import Body
from .origin import Origin, source_line
from .packing import NotPackable, Packer
from .program import Program

#: Larger constants would take longer to read than lowering takes.
_LIMIT = 1 << 20

#: What checks, kernels and loops may raise.
EXCEPTIONS: tuple[type[Exception], ...] = (
    MemoryError,
    *(c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, Exception)),
)
#: Programs as bytes.
PACKER = Packer(
    (c for c in vars(program).values() if isinstance(c, type) and c.__module__ == program.__name__),
    EXCEPTIONS,
)


class _NoText(TypeError):
    """Something in a graph says nothing of itself that would hold in another process."""


def key_of(graph: Graph, cells: int, commits: Sequence[int], takes: Capabilities) -> str | None:
    """The key of the Program of a graph as it was written, whose last ``cells`` inputs are shared
    variables; None where there is none to be had."""
    if config.debug:
        return None
    try:
        described = json.dumps(
            [_rows(graph.inputs, graph.outputs), cells, commits, sorted(vars(takes).items())],
            default=_plain,
        )
        code = cache.stamp(dirname(__file__))
    except (TypeError, OSError):
        return None
    versions = f"{sys.version} {np.__version__}"
    return cache.key_of("program", versions, code, repr(config.values()), described)


def _rows(ins: Sequence[Tensor], outs: Sequence[Tensor]) -> list[Any]:
    """The inputs, the nodes and the outputs, by number; and the lines they are from."""
    nodes = toposort(outs)
    order = {node: k for k, node in enumerate(nodes)}
    lines: dict[Origin, int] = {}
    rows = []
    room = _LIMIT
    for node in nodes:
        if node.op is not None and not _ours(node.op):
            raise _NoText(node.op.name)
        value = node.attrs.get("value")
        room -= value.nbytes if isinstance(value, np.ndarray) else 0
        if room < 0:
            raise _NoText("large constants")
        rows.append((
            node.op and node.op.name, [order[i] for i in node.inputs], dict(node.attrs),
            node.dtype, node.broadcastable, node.name, lines.setdefault(node.origin, len(lines)),
        ))  # fmt: skip
    inputs = [(order.get(i), i.dtype, i.broadcastable, i.name, source_line(i.origin)) for i in ins]
    return [inputs, rows, [order[o] for o in outs], [(source_line(o), o.called) for o in lines]]


def _ours(op: Op[Any]) -> bool:
    declared = OPS.get(op.name) is op or op.__module__ == Body.__module__
    return declared and op.__module__.startswith("tensorcore.")


def _plain(value: Any) -> Any:
    if isinstance(value, (np.ndarray, np.generic)) and value.dtype.kind in "biufc":
        return [value.dtype.str, value.shape, value.tobytes().hex()]
    if isinstance(value, Body):
        return _rows(value.inputs, value.outputs)
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, Mapping):
        return sorted(value.items())
    raise _NoText(type(value).__name__)


def lookup(key: str | None) -> tuple[Program, Mapping[str, int]] | None:
    """The Program and how often which rule fired on the way to it, if the cache has them."""
    found = None if key is None else cache.default().lookup(key)
    if key is None or found is None:
        return None
    try:
        made, fired = PACKER.unpack(found)
        if not (isinstance(made, Program) and isinstance(fired, Mapping)):
            raise ValueError("it is no Program")
    except (TypeError, ValueError):
        cache.default().discard(key)
        return None
    return made, fired


def store(key: str | None, made: Program, fired: Mapping[str, int]) -> None:
    """Keep a Program for the next process."""
    if key is not None and sum(value.nbytes for _, value in made.constants) <= _LIMIT:
        try:
            packed = PACKER.pack((made, dict(fired)))
        except NotPackable:
            return
        cache.default().store(key, packed, {"what": "Program of a graph"})
