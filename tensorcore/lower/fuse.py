"""Group nodes into kernels.

Each group has an iteration space, and optionally the axes of it that its reductions share.
Nodes are either *full* (one value per point) or *row* (one value per point of the axes that
are not reduced). A node joins the group of its latest operand, or else the latest group with
the same space, when all its other operands come from earlier groups. Groups never move, so
the result has no cycles and one pass is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from ..dtypes import kind
from ..node import Tensor, is_constant
from ..program import SizeId, operations
from .access import INLINE, TRANSPARENT, AxisMap, IndexMap, aligned, gather_maps, resolve
from .sizes import SizeTable

if TYPE_CHECKING:
    from .once import Product

#: Scalar operations in a kernel, about: a compiler's time grows faster than the length of a
#: function, and a function of mathematics that is inlined is long.
MAX_OPERATIONS = 160
POINTWISE = frozenset({"elementwise", "cast", "gather", "checked"})


@dataclass(slots=True, eq=False)
class Group:
    """A future step. ``kind``: ``kernel`` (fused) or the name of an op that stands alone."""

    position: int
    kind: str
    full: tuple[SizeId, ...] = ()
    reduced: frozenset[int] | None = None
    nodes: list[Tensor] = field(default_factory=list)
    operations: int = 0
    row: set[Tensor] = field(default_factory=set)

    def kept(self) -> tuple[int, ...]:
        """Positions, within the space, of the axes that are not reduced."""
        gone = self.reduced or frozenset()
        return tuple(i for i in range(len(self.full)) if i not in gone)


Operand = tuple[Tensor, IndexMap]
_NONE: Mapping[Tensor, Product] = MappingProxyType({})


def space_axes(node: Tensor) -> tuple[int, ...]:
    """The axes that iterate: those not known to have size 1."""
    return tuple(i for i, known in enumerate(node.broadcastable) if not known)


def iterated(node: Tensor) -> Tensor:
    """The tensor over whose axes a node's computation runs: a reduction's operand."""
    reduces = node.op is not None and node.op.family.name == "reduction"
    return node.inputs[0] if reduces else node


def is_reduction(node: Tensor) -> bool:
    """Whether the node reduces at least one axis that iterates."""
    if node.op is None or node.op.family.name != "reduction":
        return False
    x = node.inputs[0]
    return any(not x.broadcastable[a] for a in node.attrs["axes"])


def reduced_positions(node: Tensor) -> frozenset[int]:
    """Which of the operand's iterating axes a reduction removes."""
    axes = space_axes(node.inputs[0])
    return frozenset(i for i, a in enumerate(axes) if a in node.attrs["axes"])


def is_pointwise(node: Tensor) -> bool:
    """Whether the node computes one value per point of its own space."""
    if node.op is None:
        return False
    family = node.op.family.name
    return family in POINTWISE or (family == "reduction" and not is_reduction(node))


def scalar_operations(node: Tensor) -> int:
    """About how many scalar operations a point of the node takes."""
    if node.op is None or not node.inputs:
        return 1
    return operations(node.op.template(kind(node.inputs[0].dtype)) or "")


class Fuser:
    """Assigns the needed nodes of a graph to groups, in topological order."""

    def __init__(self, sizes: SizeTable, products: Mapping[Tensor, Product] = _NONE) -> None:
        """``products``: contractions that may join kernels; see ``once.py``."""
        self.sizes = sizes
        self.products = products
        #: Products that a kernel computes: as sums along its rows, and as totals of its points.
        self.sums: set[Tensor] = set()
        self.totals: set[Tensor] = set()
        self.groups: list[Group] = []
        self.group_of: dict[Tensor, Group] = {}
        self._latest: dict[tuple[SizeId, ...], Group] = {}
        #: By their rows, the groups that products opened: what has a value per row goes there.
        self._by_row: dict[tuple[SizeId, ...], Group] = {}
        self._operands: dict[Tensor, list[Operand]] = {}

    def place(self, node: Tensor, after: int = -1) -> None:
        """Put one node into a group; ``after`` is the last group it must follow."""
        if node in self.products and self._multiplies(node, self.products[node], after):
            return
        if is_pointwise(node) or is_reduction(node):
            self._fuse(node, after)
        elif node.op is not None and node.op.name == "item":
            group = self.group_of[node] = self.group_of[node.inputs[0]]
            group.nodes.append(node)
        elif node.op is not None and not self.is_source(node):
            group = self._open(node.op.name)
            group.nodes.append(node)
            self.group_of[node] = group

    def reduces(self, node: Tensor) -> bool:
        """Whether its kernel has the node's value only after a stage."""
        return node in self.sums or is_reduction(node)

    def _multiplies(self, node: Tensor, product: Product, after: int) -> bool:
        """Put a product into a kernel, if it fits into one: a sum along rows opens one or joins
        another over the same matrix, and a total joins the one that has its vector by row."""
        zero, one = self.sizes.zero, self.sizes.one
        axes = tuple(AxisMap(axis, zero, one) for axis in (0, 1))
        source, index = resolve(product.vector, (axes[int(product.along)],), self.sizes)
        group, full = self.group_of.get(source), self.space(product.matrix)
        if product.along:
            after = max(after, -1 if group is None else group.position)
            group = self._by_row.get(full[:1])
            if group is None or group.position <= after or group.full != full:
                group = self._by_row[full[:1]] = self._open("kernel")
                group.full, group.reduced = full, frozenset({1})
            self.sums.add(node)
            group.row.add(node)
        else:
            if group is None or group is not self._by_row.get(full[:1]) or group.full != full:
                return False
            kept = group.kept()
            if group.position <= after or not self.usable(source, index, {0: 0}, kept, group):
                return False
            self.totals.add(node)
        self._operands[node] = [(product.matrix, axes), (source, index)]
        group.nodes.append(node)
        group.operations += 2
        self.group_of[node] = group
        return True

    def is_source(self, node: Tensor) -> bool:
        """Whether the node needs no group: bound from outside, or read through."""
        return node.op is None or is_constant(node) or node.op.name in TRANSPARENT | INLINE

    def _open(self, kind: str) -> Group:
        group = Group(len(self.groups), kind)
        self.groups.append(group)
        return group

    def space(self, node: Tensor) -> tuple[SizeId, ...]:
        """Sizes of the iterating axes."""
        shape = self.sizes.shape(node)
        return tuple(shape[i] for i in space_axes(node))

    def operands(self, node: Tensor) -> list[Operand]:
        """What the node reads, with maps in terms of the axes it iterates over."""
        found = self._operands.get(node)
        if found is None:
            if node.op is not None and node.op.name == "gather":
                maps = gather_maps(node, self.sizes)
            else:
                ndim = iterated(node).ndim
                maps = tuple(aligned(operand, ndim, self.sizes) for operand in node.inputs)
            found = self._operands[node] = [
                resolve(operand, index, self.sizes)
                for operand, index in zip(node.inputs, maps, strict=True)
            ]
        return found

    def _fuse(self, node: Tensor, after: int) -> None:
        operands = self.operands(node)
        latest = after
        for source, _ in operands:
            group = self.group_of.get(source)
            if group is not None:
                latest = max(latest, group.position)
        space = self.space(iterated(node))
        candidates = [self.groups[latest]] if latest >= 0 and latest != after else []
        found = (self._by_row.get(space), self._latest.get(space))
        candidates += [group for group in found if group is not None and group.position > latest]
        for group in candidates:
            if self._joins(node, space, operands, group):
                self._add(node, group, space)
                return
        group = self._open("kernel")
        group.full = space
        self._add(node, group, space)

    def _add(self, node: Tensor, group: Group, space: tuple[SizeId, ...]) -> None:
        if is_reduction(node):
            group.reduced = reduced_positions(node)
            group.row.add(node)
        elif len(space) < len(group.full):
            group.row.add(node)
        group.nodes.append(node)
        group.operations += scalar_operations(node)
        self.group_of[node] = group
        self._latest[group.full] = group

    def _joins(
        self, node: Tensor, space: tuple[SizeId, ...], operands: list[Operand], group: Group
    ) -> bool:
        if group.kind != "kernel" or group.operations >= MAX_OPERATIONS:
            return False
        if is_reduction(node):
            positions = reduced_positions(node)
            if group.full != space or group.reduced not in (None, positions):
                return False
            if group.reduced is None and group.row:
                return False
            axes = tuple(range(len(space)))
            kept = tuple(i for i in axes if i not in positions)
        else:
            kept = group.kept()
            if space == group.full:
                axes = tuple(range(len(space)))
            elif group.reduced and space == tuple(group.full[i] for i in kept):
                axes = kept
            else:
                return False
        over = space_axes(iterated(node))
        where = {axis: axes[i] for i, axis in enumerate(over)}
        return all(
            self.usable(source, index, where, kept, group)
            for source, index in operands
            if self.group_of.get(source) is group
        )

    def usable(
        self,
        source: Tensor,
        index: IndexMap,
        where: dict[int, int],
        kept: tuple[int, ...],
        group: Group,
    ) -> bool:
        """Whether a value of the group is at hand, at the same point, where it is read."""
        target = kept if source in group.row else tuple(range(len(group.full)))
        maps = [index[a] for a in space_axes(source)]
        if len(maps) != len(target):
            return False
        return all(
            m.axis is not None
            and where.get(m.axis) == t
            and self.sizes.number(m.start) == 0
            and self.sizes.number(m.step) == 1
            for m, t in zip(maps, target, strict=True)
        )


def needed(
    outputs: Iterable[Tensor],
    values: Iterable[Tensor],
    reads: Callable[[Tensor], tuple[Tensor, ...]],
) -> set[Tensor]:
    """Nodes whose values are wanted; ``reads`` tells which operands' values a node reads."""
    found: set[Tensor] = set()
    stack = [*outputs, *values]
    while stack:
        node = stack.pop()
        if node in found:
            continue
        found.add(node)
        stack.extend(reads(node))
    return found


def call_inputs(node: Tensor) -> tuple[Tensor, ...]:
    """The operands of a whole-buffer call: all, sizes included, except those only measured."""
    return () if node.op is None or node.op.family.name == "size" else node.inputs


def data_inputs(node: Tensor) -> tuple[Tensor, ...]:
    """The operands whose values (and not only sizes) the node reads."""
    if node.op is None or is_constant(node):
        return ()
    return node.inputs[: node.op.family.data]


def size_operands(node: Tensor) -> tuple[Tensor, ...]:
    """The 0-d integers that become sizes in the node's code; a node that is a size itself."""
    if node.op is None or node.op.family.data is None:
        return ()
    return (node,) if node.op.name == "size" else node.inputs[node.op.family.data :]
