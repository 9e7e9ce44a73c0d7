"""The engine: bottom-up, indexed by root op, near-linear, with a cap on growth.

Each node is visited once its operands are final; when a rule fires, the replacement is visited
in its place. Every firing is counted by rule.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..graph import Graph, GraphError, rebuild, toposort
from ..node import Tensor, is_constant, make_constant
from ..ops._declare import Op
from ..ops.elementwise import cast_to
from ..origin import inside, made_at, where_made
from .pattern import Exactness, Rule, attempt
from .policy import chosen

Index = Mapping[str, Sequence[Rule]]
_FOLD_LIMIT = 4096
#: Firings of one rule that no sound rule reaches: so many, and so many for each node.
_FIRINGS, _FIRINGS_PER_NODE = 1000, 10


class Fired(NamedTuple):
    """One firing: the rule, its class, and the node before and after."""

    rule: str
    exactness: str
    before: Tensor
    after: Tensor


def index_rules(rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """The rules by root op, in the order given."""
    table: dict[str, list[Rule]] = {}
    for rule in rules:
        table.setdefault(rule.root, []).append(rule)
    return table


class Rewriter:
    """One run of rules over nodes. ``fired`` counts firings by rule name.

    ``intern`` makes new nodes canonical; ``fold`` replaces ops on constants by their value;
    ``trace`` takes a ``Fired`` for each firing. The options say which rules take part, see
    ``policy``. Raises GraphError, with its name, for a rule that comes to no end.
    """

    def __init__(
        self,
        rules: Index,
        intern: Callable[[Tensor], Tensor] = lambda node: node,
        fold: bool = True,
        trace: list[Fired] | None = None,
    ) -> None:
        self.rules = rules
        self.intern = intern
        self.fold = fold
        self.trace = trace
        self.fired: Counter[str] = Counter()
        self.policy = chosen()
        self._of_op: dict[str, tuple[Rule, ...]] = {}
        self._done: dict[Tensor, Tensor] = {}
        self._instead: dict[Tensor, Tensor] = {}
        self._limit = _FIRINGS
        self._off: set[str] = set()

    def run(self, outputs: Sequence[Tensor]) -> list[Tensor]:
        """The rewritten outputs; iterative, so depth does not matter."""
        if not self.policy.groups:
            return list(outputs)
        done, instead = self._done, self._instead
        self._limit += _FIRINGS_PER_NODE * len(toposort(outputs))
        stack = list(reversed(outputs))
        while stack:
            node = stack[-1]
            if node in done:
                stack.pop()
                continue
            target = instead.get(node)
            if target is not None:
                if target in done:
                    done[node] = done[target]
                    stack.pop()
                else:
                    stack.append(target)
                continue
            missing = [i for i in node.inputs if i not in done]
            if missing:
                stack.extend(missing)
                continue
            self._visit(node)
        return [done[node] for node in outputs]

    def _visit(self, node: Tensor) -> None:
        fresh = node
        if node.inputs:
            inputs = tuple(self._done[i] for i in node.inputs)
            if any(a is not b for a, b in zip(inputs, node.inputs, strict=True)):
                fresh = self.intern(rebuild(node, inputs))
                if fresh.type is not node.type:
                    fresh = self.intern(cast_to(fresh, node.dtype))
        if fresh is not node:
            self._instead[node] = fresh
            return
        better = self._better(node)
        if better is None or better is node:
            self._done[node] = node
        else:
            self._instead[node] = better

    def _better(self, node: Tensor) -> Tensor | None:
        if node.op is None or node.op.name == "constant":
            return None
        with made_at(inside(node)):
            if self.fold and node.inputs and all(is_constant(i) for i in node.inputs):
                value = fold(node)
                if value is not None:
                    return self.intern(value)
            for rule in self._rules_of(node.op):
                exactness = rule.class_for(node)
                if rule.name in self._off or exactness is None:
                    continue
                result = attempt(rule, node)
                if result is None or result is node or not self.policy.lets(rule, exactness):
                    continue
                result = cast_to(result, node.dtype)
                if result.type is not node.type:
                    continue
                result = self.intern(result)
                if self._leads_back(result, node):
                    self._switch_off(rule)
                    continue
                self._note(rule, exactness, node, result)
                return result
        return None

    def _rules_of(self, op: Op[Any]) -> tuple[Rule, ...]:
        found = self._of_op.get(op.name)
        if found is None:
            both = (*self.rules.get(op.name, ()), *self.rules.get(f"family {op.family.name}", ()))
            found = self._of_op[op.name] = both
        return found

    def _note(self, rule: Rule, exactness: Exactness, before: Tensor, after: Tensor) -> None:
        self.fired[rule.name] += 1
        if self.trace is not None:
            self.trace.append(Fired(rule.name, exactness.value, before, after))
        if self.fired[rule.name] > self._limit:
            raise GraphError(
                f"the rewrite rule {rule.name!r} fired {self.fired[rule.name]} times and comes "
                f"to no end: at last it turned {before!r}, made at {where_made(before)}, into "
                f"{after!r}. Mend the rule, or leave it out with "
                f"config.optimizer_excluding = {rule.name!r}."
            )

    def _leads_back(self, result: Tensor, node: Tensor) -> bool:
        """Whether rules turned ``result`` into ``node`` before: a circle without end."""
        while result is not node:
            following = None if result in self._done else self._instead.get(result)
            if following is None:
                return False
            result = following
        return True

    def _switch_off(self, rule: Rule) -> None:
        self._off.add(rule.name)
        warnings.warn(
            f"tensorcore: the rewrite rule {rule.name!r} undoes what another rule did and is "
            f"switched off for this graph; results stay right.",
            RuntimeWarning,
            stacklevel=2,
        )


def fold(node: Tensor) -> Tensor | None:
    """The constant that an op on constants gives, or None when it is large or refused."""
    op = node.op
    assert op is not None
    values = [i.attrs["value"] for i in op.operands(node.inputs, node.attrs)]
    if sum(v.size for v in values) > _FOLD_LIMIT or op.name in ("iota", "broadcast_to") or op.host:
        return None
    try:
        with np.errstate(all="ignore"):
            result = np.asarray(op.reference(np, *values, **node.attrs))
    except (ValueError, IndexError):
        return None  # the same mistake is reported, with its line, when sizes are computed
    if result.size > _FOLD_LIMIT:
        return None
    constant = make_constant(result.astype(node.dtype))
    return constant if constant.type is node.type else None


def rewrite(
    graph: Graph, rules: Index, trace: list[Fired] | None = None
) -> tuple[Graph, Counter[str]]:
    """The graph with the rules applied until none fires, and how often each did.

    ``trace`` takes a ``Fired`` for each firing, in order.
    """
    rewriter = Rewriter(rules, graph.interner.add, trace=trace)
    outputs = rewriter.run(graph.outputs)
    return graph.replaced(outputs), rewriter.fired
