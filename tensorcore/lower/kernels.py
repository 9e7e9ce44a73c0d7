"""From a group of nodes to a Kernel: stages, loads, scalar code, accumulators, stores.

Row values (and reductions) become available at a stage; a full value lives in the stage where
it is computed. A later stage computes it again if that is cheap, and else reads it back from
memory: from the slot it is stored to anyway, or from a scratch row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..dtypes import kind
from ..errors import UnsupportedOp
from ..node import Tensor, is_constant
from ..origin import where_made
from ..program import (
    FAILING,
    Access,
    Accumulate,
    Failure,
    Instr,
    Kernel,
    Load,
    SizeId,
    SlotId,
    Stage,
    Store,
    ValueId,
)
from .access import AxisMap, IndexMap, address, if_any, outside, refused
from .fuse import Fuser, Group, iterated, space_axes
from .sizes import SizeTable


@dataclass(slots=True)
class _Part:
    """A stage under construction; ``inner`` tells whether it runs over the inner axes."""

    inner: bool
    loads: list[Load] = field(default_factory=list)
    body: list[Instr | Load] = field(default_factory=list)
    accumulates: list[Accumulate] = field(default_factory=list)
    stores: list[Store] = field(default_factory=list)
    values: dict[Any, ValueId] = field(default_factory=dict)


class KernelBuilder:
    """Builds the Kernel of one group. ``slot_of`` gives a node's slot, ``stored`` says which
    nodes of the group must be written to memory, ``new_scratch`` makes a slot for one row."""

    def __init__(
        self,
        group: Group,
        fuser: Fuser,
        slot_of: Callable[[Tensor], SlotId],
        stored: set[Tensor],
        new_scratch: Callable[[str, tuple[SizeId, ...]], SlotId],
    ) -> None:
        self.group = group
        self.fuser = fuser
        self.sizes: SizeTable = fuser.sizes
        self.slot_of = slot_of
        self.stored = stored
        self.new_scratch = new_scratch
        self.kept = group.kept()
        self.inner = tuple(i for i in range(len(group.full)) if i not in self.kept)
        self.count = 0
        self.parts: dict[tuple[int, bool], _Part] = {}
        self.row_values: dict[Tensor, ValueId] = {}
        self.scratch: dict[Tensor, SlotId] = {}
        self.stage: dict[Tensor, int] = {}
        self.failures: dict[Failure, int] = {}

    def build(self) -> Kernel:
        """The kernel; the order of the group's nodes is kept."""
        for node in self.group.nodes:
            self.stage[node] = self._stage(node)
        for node in self.group.nodes:
            if node in self.fuser.totals:
                self._total(node)
            elif self.fuser.reduces(node):
                self._reduce(node)
            elif self._is_row(node):
                self._row_value(node)
            else:
                part = self._part(self.stage[node])
                value = self._full_value(node, self.stage[node])
                if node in self.stored:
                    part.stores.append(Store(value, self._access_of(node, self._axes())))
        stages = []
        for _, part in sorted(self.parts.items()):
            axes = tuple(self.group.full[i] for i in self.inner) if part.inner else ()
            stages.append(_freeze(axes, part))
        return Kernel(
            tuple(self.group.full[i] for i in self.kept),
            _without_unused(stages),
            tuple(self.scratch.values()),
            tuple(dict.fromkeys(where_made(n) for n in self.group.nodes)),
            tuple(self.failures),
            tuple(self.slot_of(n) for n in self.group.nodes if n in self.fuser.totals),
        )

    # -- stages -------------------------------------------------------------------------

    def _is_row(self, node: Tensor) -> bool:
        return node in self.group.row or not self.inner

    def _part(self, stage: int, inner: bool | None = None) -> _Part:
        inner = bool(self.inner) if inner is None else inner
        key = (stage, inner)
        if key not in self.parts:
            self.parts[key] = _Part(inner)
        return self.parts[key]

    def _stage(self, node: Tensor) -> int:
        """The stage in which a full value or a reduction runs; for a row value, the first
        stage that can use it."""
        stage = 0
        for source, _ in self.fuser.operands(node):
            if self.fuser.group_of.get(source) is self.group:
                after = 1 if self.fuser.reduces(source) else 0
                stage = max(stage, self.stage[source] + after)
        return stage

    def _reduce(self, node: Tensor) -> None:
        stage = self.stage[node]
        part = self._part(stage)
        if node in self.fuser.sums:
            combine, value = "sum", self._product(node, stage)
        else:
            ((source, index),) = self.fuser.operands(node)
            where = {a: i for i, a in enumerate(space_axes(iterated(node)))}
            value = self._read(source, index, where, stage, True)
            assert node.op is not None and isinstance(node.op.c, str)
            combine = node.op.c
        result = self._new()
        part.accumulates.append(Accumulate(result, combine, value, node.dtype))
        self.row_values[node] = result
        if node in self.stored:
            after = self._part(stage + 1, inner=False)
            after.stores.append(Store(result, self._access_of(node, self.kept)))

    def _product(self, node: Tensor, stage: int) -> ValueId:
        """The entry of a matrix times that of a vector."""
        where = {0: 0, 1: 1}
        args = tuple(self._read(x, i, where, stage, True) for x, i in self.fuser.operands(node))
        result = self._new()
        text = "{0} * {1}"
        self._part(stage).body.append(Instr(result, "mul", args, node.dtype, node.dtype, text))
        return result

    def _total(self, node: Tensor) -> None:
        """Each point of the kernel adds to the entry of its column."""
        stage, sizes = self.stage[node], self.sizes
        value = self._product(node, stage)
        along = (AxisMap(1, sizes.zero, sizes.one),)
        access = self._access(self.slot_of(node), sizes.shape(node), along, True)
        self._part(stage).stores.append(Store(value, access, "sum"))

    def _row_value(self, node: Tensor) -> None:
        stage = self.stage[node]
        part = self._part(stage, inner=False)
        value = self._compute(node, stage, inner=False)
        self.row_values[node] = value
        if node in self.stored:
            part.stores.append(Store(value, self._access_of(node, self.kept)))

    # -- values -------------------------------------------------------------------------

    def _new(self) -> ValueId:
        self.count += 1
        return self.count - 1

    def _axes(self) -> tuple[int, ...]:
        return self.kept + self.inner

    def _full_value(self, node: Tensor, stage: int) -> ValueId:
        part = self._part(stage)
        if node in part.values:
            return part.values[node]
        first = self.stage[node]
        if stage > first and (node in self.stored or self._costly(node)):
            slot = self.slot_of(node) if node in self.stored else self._keep_row(node)
            value = self._load(part, self._access_of(node, self._axes(), slot), node.dtype)
        else:
            value = self._compute(node, stage, inner=True)
        part.values[node] = value
        return value

    def _keep_row(self, node: Tensor) -> SlotId:
        """Have the first stage write the value to a scratch row; returns its slot."""
        if node not in self.scratch:
            shape = tuple(self.group.full[i] for i in self.inner)
            self.scratch[node] = self.new_scratch(node.dtype, shape)
            first = self.stage[node]
            value = self._full_value(node, first)
            access = self._access_of(node, self._axes(), self.scratch[node])
            self._part(first).stores.append(Store(value, access))
        return self.scratch[node]

    def _costly(self, node: Tensor) -> bool:
        """Whether computing the value again would call a function."""
        stack, seen = [node], set()
        while stack:
            top = stack.pop()
            if top in seen or self._is_row(top):
                continue
            seen.add(top)
            if self.fuser.group_of.get(top) is self.group:
                text = (top.op.template(kind(top.dtype)) or "") if top.op is not None else ""
                if "@(" in text or "tc_" in text:
                    return True
                stack.extend(source for source, _ in self.fuser.operands(top))
        return False

    def _compute(self, node: Tensor, stage: int, inner: bool) -> ValueId:
        over = space_axes(iterated(node))
        axes = tuple(range(len(self.group.full))) if inner or not self.inner else self.kept
        where = {a: axes[i] for i, a in enumerate(over)}
        part = self._part(stage, inner and bool(self.inner))
        if node.op is not None and node.op.name == "gather":
            return self._gather(node, where, stage, inner)
        args = [
            self._read(source, index, where, stage, inner)
            for source, index in self.fuser.operands(node)
        ]
        if node.op is not None and node.op.name == "checked":
            return self._checked(node, part, args)
        result = self._new()
        part.body.append(_instruction(result, node, args))
        return result

    def _checked(self, node: Tensor, part: _Part, args: Sequence[ValueId]) -> ValueId:
        """The first operand, behind what looks whether it is right."""
        value, *looked_at = args
        failure = self.failures.setdefault(refused(node), len(self.failures))
        part.body.append(
            Instr(self._new(), "check", tuple(looked_at), "bool", "int64", "", failure)
        )
        return value

    def _gather(self, node: Tensor, where: Mapping[int, int], stage: int, inner: bool) -> ValueId:
        """The entry at the wrapped and checked indices; the load stands behind them."""
        (source, index), *places = self.fuser.operands(node)
        part = self._part(stage, inner and bool(self.inner))
        wrapped = []
        for axis, (place, along) in enumerate(places):
            size = self.sizes.shape(node.inputs[0])[axis]
            failure = self.failures.setdefault(outside(node, axis), len(self.failures))
            value = self._read(place, along, where, stage, inner)
            value, size = self._if_any(node, axis, along, value, size, part)
            wrapped.append(self._new())
            part.body.append(
                Instr(wrapped[-1], "wrap", (value,), "int64", "int64", "", (size, failure))
            )
        if self.fuser.group_of.get(source) is self.group:  # each indexed axis has one entry
            return self._read(source, index, where, stage, inner)
        mapped = _in_space(index, where)
        access = self._access(
            self.slot_of(source), self.sizes.shape(source), mapped, inner, wrapped
        )
        result = self._new()
        part.body.append(Load(result, access, source.dtype))
        return result

    def _if_any(
        self, node: Tensor, axis: int, along: IndexMap, value: ValueId, size: SizeId, part: _Part
    ) -> tuple[ValueId, SizeId]:
        """An index and the size that it is checked against."""
        given = node.inputs[1 + axis]
        used = {m.axis for m in along}
        shape = enumerate(self.sizes.shape(given))
        lost = [n for a, n in shape if a not in used and n != self.sizes.one]
        value, size, made = if_any(value, size, lost, self.sizes, self._new)
        part.body += made
        return value, size

    def _read(
        self, source: Tensor, index: IndexMap, where: Mapping[int, int], stage: int, inner: bool
    ) -> ValueId:
        """The value of an operand at the present point of a stage."""
        if self.fuser.group_of.get(source) is self.group:
            if source in self.row_values:
                return self.row_values[source]
            return self._full_value(source, stage)
        part = self._part(stage, inner and bool(self.inner))
        mapped = _in_space(index, where)
        name = source.op.name if source.op is not None else ""
        if name == "size" or (is_constant(source) and source.attrs["value"].size == 1):
            return self._inline(part, source)
        if name == "iota":
            return self._counter(part, mapped[0])
        access = self._access(self.slot_of(source), self.sizes.shape(source), mapped, inner)
        return self._load(part, access, source.dtype)

    def _inline(self, part: _Part, source: Tensor) -> ValueId:
        if source in part.values:
            return part.values[source]
        value = part.values[source] = self._new()
        if is_constant(source):
            number = source.attrs["value"].reshape(())[()]
            part.body.append(Instr(value, "const", (), source.dtype, source.dtype, "", number))
        else:
            size = self.sizes.integer(source)
            part.body.append(Instr(value, "size", (), "int64", "int64", "", size))
        return value

    def _counter(self, part: _Part, m: AxisMap) -> ValueId:
        key = ("counter", m)
        if key in part.values:
            return part.values[key]

        def emit(op: str, args: tuple[ValueId, ...], template: str, number: Any) -> ValueId:
            value = self._new()
            part.body.append(Instr(value, op, args, "int64", "int64", template, number))
            return value

        start = emit("size", (), "", m.start)
        result = start
        if m.axis is not None:
            axis = self._axes().index(m.axis)
            step = emit("size", (), "", m.step)
            scaled = emit("mul", (emit("index", (), "", axis), step), "{0} * {1}", None)
            result = emit("add", (start, scaled), "{0} + {1}", None)
        part.values[key] = result
        return result

    # -- memory -------------------------------------------------------------------------

    def _load(self, part: _Part, access: Access, dtype: str) -> ValueId:
        if access in part.values:
            return part.values[access]
        value = part.values[access] = self._new()
        part.loads.append(Load(value, access, dtype))
        return value

    def _access(
        self,
        slot: SlotId,
        shape: tuple[SizeId, ...],
        mapped: IndexMap,
        inner: bool,
        indices: Sequence[ValueId] = (),
    ) -> Access:
        """The address; ``mapped`` is in terms of positions within the group's space."""
        axes = self._axes() if inner and self.inner else self.kept
        return address(slot, shape, mapped, axes, self.sizes, indices)

    def _access_of(self, node: Tensor, axes: tuple[int, ...], slot: SlotId | None = None) -> Access:
        """The address of the node's own value at the present point."""
        sizes = self.sizes
        zero, one = sizes.zero, sizes.one
        if slot is not None and slot in self.scratch.values():
            target = self.inner
            shape = tuple(self.group.full[i] for i in self.inner)
        else:
            slot = self.slot_of(node)
            target = self.kept if self._is_row(node) else tuple(range(len(self.group.full)))
            shape = tuple(self.group.full[i] for i in target)
        mapped = tuple(AxisMap(a, zero, one) for a in target)
        return self._access(slot, shape, mapped, inner=axes != self.kept or not self.inner)


def _in_space(index: IndexMap, where: Mapping[int, int]) -> IndexMap:
    """A map in terms of a node's axes, in terms of positions within the group's space."""
    return tuple(m if m.axis is None else m._replace(axis=where.get(m.axis)) for m in index)


def _instruction(result: ValueId, node: Tensor, args: list[ValueId]) -> Instr:
    """The scalar code of a pointwise node; a copy for anything else that is only moved."""
    op = node.op
    assert op is not None
    if op.family.name == "reduction":  # of axes that have size 1: there is nothing to combine
        if op.rule == "index":
            return Instr(result, "const", (), node.dtype, node.dtype, "", 0)
        return Instr(result, "copy", tuple(args), node.dtype, node.dtype, "{0}")
    if op.name == "cast":
        source = node.inputs[0].dtype
        return Instr(result, "cast", tuple(args), node.dtype, source, "")
    operand = node.inputs[-1].dtype
    template = op.template(kind(operand))
    if template is None:
        raise UnsupportedOp(f"{op.name} has no scalar code; made at {where_made(node)}")
    return Instr(result, op.name, tuple(args), node.dtype, operand, template)


def _freeze(axes: tuple[SizeId, ...], part: _Part) -> Stage:
    return Stage(
        axes,
        tuple(part.loads),
        tuple(part.body),
        tuple(part.accumulates),
        tuple(part.stores),
    )


def _without_unused(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """The stages without what nothing reads: a later stage computes for itself what an earlier
    one has at each of its points. What may end the call stays."""
    used: set[ValueId] = set()
    kept: list[Stage] = []
    for stage in reversed(tuple(stages)):
        used.update(a.source for a in stage.accumulates)
        used.update(v for s in stage.stores for v in (s.value, s.where) if v is not None)
        used.update(v for s in stage.stores for v, _ in s.access.gathered)
        body: list[Instr | Load] = []
        for entry in reversed(stage.body):
            if entry.value in used or (isinstance(entry, Instr) and entry.op in FAILING):
                gathered = () if isinstance(entry, Instr) else entry.access.gathered
                used.update(entry.args if isinstance(entry, Instr) else (v for v, _ in gathered))
                body.append(entry)
        loads = tuple(load for load in stage.loads if load.value in used)
        kept.append(stage._replace(loads=loads, body=tuple(reversed(body))))
    return tuple(reversed(kept))
