"""Positions for the boxes of a layered drawing of an acyclic graph.

Layers by longest path, order within a layer by barycentres (the method of Sugiyama, Tagawa and
Toda, 1981), and horizontal positions by least squares: each box wants to be above or below the
mean of its neighbours, and boxes of a layer must keep their order and distance. That is isotonic
regression, which the pool-adjacent-violators algorithm solves exactly in linear time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

Edge: TypeAlias = tuple[int, int]
_SWEEPS = 6
_LANE_WIDTH = 8.0
#: How much more a lane of a long edge wants to be straight than a box to be centred.
_LANE_WEIGHT = 4.0


class Layout(NamedTuple):
    """``layer`` and ``x`` (centre) of each box, ``lanes[source]``: the (layer, x) points through
    which the long edges of that box pass, downwards; ``width`` of everything; ``layers``."""

    layer: tuple[int, ...]
    x: tuple[float, ...]
    lanes: dict[int, tuple[tuple[int, float], ...]]
    width: float
    layers: int


def lane_end(layout: Layout, edge: Edge) -> tuple[int, float]:
    """The (layer, x) from which an edge goes straight to its target: the last point that it
    shares with the lane of its source, or the source itself."""
    source, target = edge
    shared = layout.layer[target] - layout.layer[source] - 1
    if shared:
        return layout.lanes[source][shared - 1]
    return layout.layer[source], layout.x[source]


def arrange(widths: Sequence[float], edges: Sequence[Edge], gap: float = 28.0) -> Layout:
    """Place boxes of these widths; edges point from box to box by number and form no circle.

    Edges of one box share a lane where they pass a layer, so the number of lane points is at
    most boxes times layers.
    """
    layer = _layers(len(widths), edges)
    items = list(widths)
    place = list(layer)
    links: list[Edge] = []
    chains: dict[int, list[int]] = {}
    for source, target in sorted(edges, key=lambda e: (e[0], layer[e[1]])):
        chain = chains.setdefault(source, [])
        while len(chain) < layer[target] - layer[source] - 1:
            items.append(_LANE_WIDTH)
            place.append(layer[source] + len(chain) + 1)
            links.append((chain[-1] if chain else source, len(items) - 1))
            chain.append(len(items) - 1)
        steps = layer[target] - layer[source] - 1
        links.append((chain[steps - 1] if steps else source, target))
    above: list[list[int]] = [[] for _ in items]
    below: list[list[int]] = [[] for _ in items]
    for a, b in links:
        below[a].append(b)
        above[b].append(a)
    rows = _ordered(place, above, below)
    x = _positions(rows, items, above, below, len(widths), gap)
    left = min((x[k] - items[k] / 2 for k in range(len(items))), default=0.0)
    x = [value - left for value in x]
    width = max((x[k] + items[k] / 2 for k in range(len(items))), default=0.0)
    lanes = {s: tuple((place[i], x[i]) for i in chain) for s, chain in chains.items() if chain}
    return Layout(tuple(layer), tuple(x[: len(widths)]), lanes, width, len(rows))


def _layers(count: int, edges: Sequence[Edge]) -> list[int]:
    """Longest path from the top; boxes without predecessors move down to their users."""
    below: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for a, b in edges:
        below[a].append(b)
        waiting[b] += 1
    sources = [k for k in range(count) if not waiting[k]]
    layer = [0] * count
    todo = list(sources)
    for node in todo:
        for user in below[node]:
            layer[user] = max(layer[user], layer[node] + 1)
            waiting[user] -= 1
            if not waiting[user]:
                todo.append(user)
    for node in sources:
        if below[node]:
            layer[node] = min(layer[user] for user in below[node]) - 1
    return layer


def _ordered(
    place: Sequence[int], above: Sequence[list[int]], below: Sequence[list[int]]
) -> list[list[int]]:
    """The items of each layer from left to right, with few crossings."""
    rows: list[list[int]] = [[] for _ in range(max(place, default=-1) + 1)]
    for item, layer in enumerate(place):
        rows[layer].append(item)
    at = [0.0] * len(place)
    for row in rows:
        _number(row, at)
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        for row in rows if sweep % 2 == 0 else reversed(rows):
            keys = {
                k: sum(at[n] for n in neighbours[k]) / len(neighbours[k])
                if neighbours[k]
                else at[k]
                for k in row
            }
            row.sort(key=keys.__getitem__)
            _number(row, at)
    return rows


def _number(row: Sequence[int], at: list[float]) -> None:
    """Positions from 0 to 1, so that layers of different length compare."""
    for k, item in enumerate(row):
        at[item] = (k + 0.5) / len(row)


def _positions(
    rows: Sequence[Sequence[int]],
    widths: Sequence[float],
    above: Sequence[list[int]],
    below: Sequence[list[int]],
    boxes: int,
    gap: float,
) -> list[float]:
    x = [0.0] * len(widths)
    for sweep in range(2 * _SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            wanted, weights = [], []
            for item in row:
                near = (above if down else below)[item]
                if sweep >= 2 * _SWEEPS - 2:
                    near = above[item] + below[item]
                wanted.append(sum(x[n] for n in near) / len(near) if near else x[item])
                weights.append(1.0 if item < boxes else _LANE_WEIGHT)
            _spread(row, wanted, weights, widths, gap, x)
    return x


def _spread(
    row: Sequence[int],
    wanted: Sequence[float],
    weights: Sequence[float],
    widths: Sequence[float],
    gap: float,
    x: list[float],
) -> None:
    """Set ``x`` of the row: near what is wanted, in order and apart."""
    starts, at = [], 0.0
    for k, item in enumerate(row):
        if k:
            at += (widths[row[k - 1]] + widths[item]) / 2 + gap
        starts.append(at)
    # Without the space that boxes need, all that is left to demand is that values do not fall.
    blocks: list[tuple[float, float, int]] = []  # mean, weight, length
    for start, want, weight in zip(starts, wanted, weights, strict=True):
        mean, total, length = want - start, weight, 1
        while blocks and blocks[-1][0] > mean:
            m, w, n = blocks.pop()
            mean, total, length = (m * w + mean * total) / (w + total), w + total, n + length
        blocks.append((mean, total, length))
    values = [mean for mean, _, length in blocks for _ in range(length)]
    for item, start, value in zip(row, starts, values, strict=True):
        x[item] = start + value
