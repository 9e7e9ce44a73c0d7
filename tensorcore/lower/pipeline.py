"""The passes in order: what happens between the user's graph and a Program."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .. import config
from ..backend import Capabilities
from ..graph import Graph, toposort
from ..node import Tensor, is_constant
from ..ops import OPS
from ..ops.control import WITH_BODIES, Body, item, loop
from ..origin import label, where_made
from ..program import Call, Commit, Program, SizeId, Sizes, Slot, SlotId, Step, View
from ..rewrite.engine import Fired, index_rules, rewrite
from ..rewrite.loops import simplify_loops
from ..rewrite.pattern import Rule
from ..rewrite.policy import chosen
from ..rewrite.simplify import SIMPLIFY
from ..rewrite.stabilize import STABILIZE
from ..testing_values import no_test_values
from .access import INLINE, TRANSPARENT
from .control import branch_step, has_bodies, lazily, loop_step, with_bodies
from .fuse import Fuser, Group, call_inputs, data_inputs, is_pointwise, needed, size_operands
from .kernels import KernelBuilder
from .legalize import legalize
from .materialize import materialize
from .memory import Section, commits_last, lives, reads_and_writes
from .merge import merge_axes
from .once import read_once
from .sizes import SizeTable
from .standalone import STANDALONE
from .verify import verify

#: Calls that need a second buffer like their result to work in.
WORKSPACE = frozenset({"argsort"})

_EARLY = index_rules(STABILIZE + SIMPLIFY)
_LATE = index_rules(SIMPLIFY)


@no_test_values
def optimise(
    graph: Graph, extra: Sequence[Rule] = (), trace: list[Fired] | None = None
) -> tuple[Graph, Counter[str]]:
    """Stabilise and simplify; returns the graph and how often each rule fired."""
    rules = index_rules((*STABILIZE, *SIMPLIFY, *extra)) if extra else _EARLY
    graph, fired = rewrite(graph, rules, trace)
    if has_bodies(graph.toposort()) and chosen().groups:

        def change(body: Body) -> Body:
            inside, counts = optimise(Graph(body.inputs, body.outputs, body.interner), extra, trace)
            fired.update(counts)
            return Body(body.inputs, inside.outputs)

        graph, counts = rewrite(simplify_loops(graph, change), rules, trace)
        fired.update(counts)
    return graph, fired


@no_test_values
def lower(
    graph: Graph,
    cells: Sequence[Tensor],
    commits: Sequence[int],
    takes: Capabilities,
    lend: bool = False,
) -> Program:
    """The Program of an optimised graph.

    The graph's inputs are those of the call and then the cells; its outputs are those of the
    call and then one new value for each cell number in ``commits``. With ``lend``, the reference
    runs the ops that the backend lacks. Raises UnsupportedOp when the backend lacks something and
    ShapeError when sizes can never fit.
    """
    legal = legal_form(graph, takes, lend=lend)
    program = _Builder(graph.inputs, cells, legal.outputs, commits, takes).program()
    if config.debug:
        verify(program)
    return program


def legal_form(
    graph: Graph, takes: Capabilities, trace: list[Fired] | None = None, lend: bool = False
) -> Graph:
    """The graph in the ops that the backend takes, simplified once more where ops were expanded.

    Raises UnsupportedOp.
    """
    graph = lazily(graph)
    if has_bodies(graph.toposort()):

        def change(body: Body) -> Body:
            inside = legal_form(Graph(body.inputs, body.outputs, body.interner), takes, None, lend)
            return Body(body.inputs, inside.outputs)

        graph = with_bodies(graph, change)
    legal = legalize(graph, takes, lend)
    if takes.calls is not None:
        legal, _ = rewrite(legal, _LATE, trace)
        legal = legalize(legal, takes, lend)
    return legal


class _Builder:
    """Numbers slots, sizes and steps of one Program."""

    def __init__(
        self,
        inputs: Sequence[Tensor],
        cells: Sequence[Tensor],
        outputs: Sequence[Tensor],
        commits: Sequence[int],
        takes: Capabilities,
    ) -> None:
        self.outputs = materialize(outputs, takes.calls or ()) if takes.fuses else list(outputs)
        outputs = self.outputs
        self.commits = list(commits)
        self.takes = takes
        self.slots: dict[Tensor, SlotId] = {}
        self.scratch: dict[SlotId, Slot] = {}
        self.count = 0
        self.sizes = SizeTable(self.slot)
        self.cells = list(cells)
        self.inputs = list(inputs[: len(inputs) - len(cells)])
        self.order = toposort(outputs)
        self.constants = [n for n in self.order if is_constant(n)]
        for node in (*self.inputs, *self.cells):
            self.sizes.bind(node, self.slot(node))
        for node in self.constants:
            self.slot(node)
        self.sizes.measure([n for n in self.order if n.op is not None])

    def slot(self, node: Tensor) -> SlotId:
        """The slot of a node."""
        found = self.slots.get(node)
        if found is None:
            found = self.slots[node] = self.count
            self.count += 1
        return found

    def new_scratch(self, dtype: str, shape: tuple[SizeId, ...]) -> SlotId:
        """A slot for one row of a kernel."""
        self.scratch[self.count] = Slot(dtype, shape)
        self.count += 1
        return self.count - 1

    def program(self) -> Program:
        """Everything put together."""
        reads = data_inputs if self.takes.fuses else call_inputs
        found = needed(self.outputs, self.sizes.values, reads)
        nodes = [n for n in self.order if n in found and n.op is not None]
        steps = self._fused(nodes) if self.takes.fuses else self._calls(nodes)
        split = len(self.outputs) - len(self.commits)
        commits = [
            Commit(cell, self.slot(n))
            for cell, n in zip(self.commits, self.outputs[split:], strict=True)
        ]
        section = Section(steps, 0, commits)
        if self.takes.fuses:
            given = [self.slot(n) for n in self.cells]
            sized = set().union(*self.sizes.depends().values())
            section = commits_last(steps, given, commits, sized)
        table = self._slot_table()
        bound = [self.slot(n) for n in (*self.inputs, *self.cells, *self.constants)]
        outside = bound + [self.slot(n) for n in self.outputs]
        # Sizes come last: merged axes and the lengths of buffers are sizes of their own.
        lengths = {
            life.slot: self.sizes.mul(*table[life.slot].shape)
            for life in lives(table, section.steps, outside, lambda slot: 0)
        }
        steps = self._with_sizes(section.steps)
        storage = lives(table, steps, outside, lengths.__getitem__)
        return Program(
            slots=tuple(table),
            sizes=tuple(self.sizes.entries),
            inputs=tuple(self.slot(n) for n in self.inputs),
            cells=tuple(self.slot(n) for n in self.cells),
            constants=tuple((self.slot(n), n.attrs["value"]) for n in self.constants),
            steps=tuple(steps),
            outputs=tuple(self.slot(n) for n in self.outputs[:split]),
            commits=tuple(section.commits),
            storage=storage,
            commit_from=len(steps) - section.length if section.length else None,
        )

    def _slot_table(self) -> list[Slot]:
        table: list[Slot] = [Slot("bool", ())] * self.count
        for node, slot in self.slots.items():
            table[slot] = Slot(node.dtype, self.sizes.shape(node))
        for slot, entry in self.scratch.items():
            table[slot] = entry
        return table

    # -- steps --------------------------------------------------------------------------

    def _calls(self, nodes: Iterable[Tensor]) -> list[Step]:
        """One Call per node, for backends that do not fuse."""
        steps: list[Step] = []
        for node in nodes:
            if is_constant(node):
                continue
            assert node.op is not None
            if node.op in WITH_BODIES:
                steps.append(self._inside(node, [n for n in nodes if node in n.inputs]))
            if node.op in (*WITH_BODIES, item):
                continue
            attrs = dict(node.attrs)
            inputs = tuple(self.slot(i) for i in node.inputs)
            if node.op.name == "size":
                inputs, attrs = (), {"size": self.sizes.integer(node)}
            steps.append(self._call(node, node.op.name, inputs, [self.slot(node)], attrs))
        return steps

    def _call(
        self, node: Tensor, op: str, inputs: tuple[SlotId, ...], outputs: Sequence[SlotId],
        attrs: Mapping[str, Any],
    ) -> Call:  # fmt: skip
        made, host = (where_made(node),), self._on_host(node)
        return Call(op, inputs, tuple(outputs), attrs, made, host, label(node))

    def _on_host(self, node: Tensor) -> bool:
        """Whether a call is for the reference on the host. A backend may claim what is declared to
        run there, but not what was lent because it lacks it."""
        assert node.op is not None
        claimed = node.op.name in (self.takes.calls or ()) and OPS[node.op.name] is node.op
        return node.op.host and not claimed

    def _fused(self, nodes: Sequence[Tensor]) -> list[Step]:
        fuser = Fuser(self.sizes, read_once(nodes) if self.takes.totals else {})
        taken = {n: [self.sizes.integer(i) for i in size_operands(n)] for n in nodes}
        depends = self.sizes.depends()
        producers = {self.slot(n): n for n in self.sizes.values if n.op is not None}
        needs: dict[Tensor, frozenset[SlotId]] = {}
        for node in self._single_numbers_first(nodes, taken, depends):
            after = -1
            if producers:
                needs[node] = self._needs(node, taken[node], depends, needs)
                groups = [fuser.group_of.get(producers[s]) for s in needs[node] if s in producers]
                after = max((g.position for g in groups if g is not None), default=-1)
            fuser.place(node, after)
        stored = self._stored(nodes, fuser)
        return [self._step(group, fuser, stored) for group in fuser.groups]

    def _single_numbers_first(
        self,
        nodes: Sequence[Tensor],
        taken: Mapping[Tensor, Iterable[SizeId]],
        depends: Mapping[SizeId, frozenset[SlotId]],
    ) -> list[Tensor]:
        """The nodes, but first the single numbers that are known from the start, such as the
        length by which a mean divides: else they come after the sums that they belong to, and
        what uses both could not join these."""
        known = {n for n in (*self.inputs, *self.cells, *self.constants) if n.ndim == 0}
        given = {self.slot(n) for n in (*self.inputs, *self.cells, *self.constants)}
        first: dict[Tensor, None] = {}
        for node in nodes:
            inline = node.op is not None and node.op.name in INLINE
            if node.ndim or not (inline or is_pointwise(node)):
                continue
            sizes = frozenset[SlotId]().union(*(depends[s] for s in taken[node]))
            if sizes <= given and (inline or known.issuperset(node.inputs)):
                known.add(node)
                first[node] = None
        return [*first, *(n for n in nodes if n not in first)]

    def _needs(
        self,
        node: Tensor,
        taken: Iterable[SizeId],
        depends: Mapping[SizeId, frozenset[SlotId]],
        needs: Mapping[Tensor, frozenset[SlotId]],
    ) -> frozenset[SlotId]:
        """The slots whose values the node's code takes as sizes, in its own shape, in those of
        its operands, and in the movement through which it reads them."""
        shapes = (size for t in (node, *node.inputs) for size in self.sizes.shapes[t])
        result = frozenset[SlotId]().union(
            *(depends[size] | depends[self.sizes.find(size)] for size in (*shapes, *taken))
        )
        behind = (i for i in node.inputs if i.op is not None and i.op.name in TRANSPARENT | INLINE)
        return result.union(*(needs[i] for i in behind if i in needs))

    def _stored(self, nodes: Iterable[Tensor], fuser: Fuser) -> set[Tensor]:
        """Nodes that some other group, or the caller, or a size reads."""
        stored = {*self.outputs, *self.sizes.values}
        for node in nodes:
            if fuser.is_source(node):
                continue
            group = fuser.group_of[node]
            if group.kind == "kernel":
                sources = [source for source, _ in fuser.operands(node)]
            else:
                sources = [_behind(i, fuser) for i in data_inputs(node)]
            stored.update(s for s in sources if fuser.group_of.get(s) is not group)
        return stored

    def _step(self, group: Group, fuser: Fuser, stored: set[Tensor]) -> Step:
        if group.kind == "kernel":
            builder = KernelBuilder(group, fuser, self.slot, stored, self.new_scratch)
            return merge_axes(builder.build(), self.sizes)
        node, *items = group.nodes
        if node.op in WITH_BODIES:
            return self._inside(node, items)
        if group.kind == "reshape_to":
            return View(self.slot(node.inputs[0]), self.slot(node))
        assert node.op is not None
        if node.op.family.name in STANDALONE and node.op.name not in (self.takes.calls or ()):
            build = STANDALONE[node.op.family.name]
            return merge_axes(build(node, self.sizes, self.slot), self.sizes)
        inputs = tuple(self.slot(i) for i in node.inputs)
        outputs = [self.slot(node)]
        if group.kind in WORKSPACE and not node.op.host:
            outputs.append(self.new_scratch(node.dtype, self.sizes.shape(node)))
        return self._call(node, group.kind, inputs, outputs, dict(node.attrs))

    def _inside(self, node: Tensor, items: Sequence[Tensor]) -> Step:
        read = [i for i in items if i.op is item]

        def inside(inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> Program:
            return _Builder(inputs, (), outputs, (), self.takes).program()

        build = loop_step if node.op is loop else branch_step
        return build(node, read, self.sizes, self.slot, self.new_scratch, inside)

    def _with_sizes(self, steps: list[Step]) -> list[Step]:
        """Size steps put in as soon as what they read is known; the first opens the program."""
        depends = self.sizes.depends()
        given = {self.slot(n) for n in (*self.inputs, *self.cells, *self.constants)}
        produced = {slot: k for k, step in enumerate(steps) for slot in reads_and_writes(step)[1]}
        ready: defaultdict[int, list[SizeId]] = defaultdict(list)
        for size, slots in depends.items():
            ready[max((produced[s] for s in slots if s not in given), default=-1)].append(size)
        checks: defaultdict[int, list[int]] = defaultdict(list)
        for number, check in enumerate(self.sizes.checks):
            needs = [s for a in check.args for s in depends[a] if s not in given]
            checks[max((produced[s] for s in needs), default=-1)].append(number)
        result: list[Step] = []
        for k in range(-1, len(steps)):
            if k >= 0:
                result.append(steps[k])
            if k == -1 or ready[k] or checks[k]:
                found = tuple(self.sizes.checks[c] for c in checks[k])
                result.append(Sizes(tuple(ready[k]), found))
        return result


def _behind(node: Tensor, fuser: Fuser) -> Tensor:
    while node.op is not None and node.op.name in TRANSPARENT:
        node = node.inputs[0]
    return node
