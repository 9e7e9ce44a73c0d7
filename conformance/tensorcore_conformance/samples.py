"""Cases from the declarations: an op, a dtype, arrays, attributes.

What arrays and attributes an op takes follows from its family; an op of a family that is not
known here brings ``samples=`` with its declaration.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import numpy as np

from tensorcore import TensorType, dtypes
from tensorcore.errors import DTypeError
from tensorcore.ops import Op

from .cases import Case, Flags, Form, Request, main_dtype
from .indexings import INDEXINGS
from .movements import MOVEMENTS
from .values import (
    LAYOUTS,
    Array,
    Shape,
    crossed,
    generator,
    halfway,
    laid_out,
    specials,
    strangest_first,
    wide_integers,
)


def missing_samples(op: Op[Any]) -> str:
    """Why no cases can be made for the op, or an empty string."""
    if op.samples is not None or op.family.name in FAMILIES:
        return ""
    return (
        f"the suite does not know the family {op.family.name!r} of {op.name!r}: declare the op "
        f"with samples=, a function of a dtype that yields (arrays, attributes)"
    )


def forms(op: Op[Any], dtype: str, full: bool) -> list[Form]:
    """All cases of the op in a dtype, grouped by what one compiled expression serves."""
    if full:
        return _forms(op, dtype, True)
    return list(_few_forms(op, (op.family, op.samples), dtype))


#: In how many parts the tier pr shares out forms among the dtypes of an op.
_TURNS = 3
#: Families in which the dtype is half of what a form is about: backends have code for each.
_OF_DTYPES = ("cast", "constant", "contraction")


def forms_in_turn(op: Op[Any], dtype: str) -> list[Form]:
    """The forms of the tier pr: all of them in the op's main dtype. The other dtypes have the form
    of plain vectors and those few that hold special values, and take turns over the rest."""
    found = _forms(op, dtype, True, shared=True)
    if dtype == main_dtype(op) or op.samples is not None or op.family.name in _OF_DTYPES:
        return found
    special = [form for form in found if any("special" in case.label for case in form.cases)]
    kept = {id(form) for form in (found[0], *(special if len(special) <= 2 else ()))}
    turn = dtypes.ALL.index(dtype) + zlib.crc32(op.name.encode())
    return [form for k, form in enumerate(found) if id(form) in kept or (k + turn) % _TURNS == 0]


def choice(full: bool, every: bool) -> Callable[[Op[Any], str], list[Form]]:
    """What gives the forms of a tier: ``full`` for the tier pr, and ``every`` for nightly."""
    return forms_in_turn if full and not every else partial(forms, full=full)


@lru_cache(maxsize=2000)
def _few_forms(op: Op[Any], as_declared: Hashable, dtype: str) -> tuple[Form, ...]:
    """The forms of the smoke tier: they are few, and many checks ask for them."""
    return tuple(_forms(op, dtype, False))


def forget() -> None:
    """Make all cases anew, as after a backend has written into the arrays of some."""
    _few_forms.cache_clear()


def _forms(op: Op[Any], dtype: str, full: bool, shared: bool = False) -> list[Form]:
    request = Request(op, dtype, full, generator(op.name, dtype), shared)
    made = _own(request) if op.samples is not None else FAMILIES[op.family.name](request)
    groups: dict[Any, list[Case]] = {}
    for case in made:
        key = (case.types, tuple((k, repr(v)) for k, v in case.attrs.items()))
        groups.setdefault(key, []).append(case)
    found = [
        Form(op, dtype, cases[0].types, cases[0].attrs, tuple(cases)) for cases in groups.values()
    ]
    return found if full or dtype == main_dtype(op) else found[:1]


def takes(op: Op[Any], dtype: str) -> bool:
    """Whether operands of the dtype are taken: those accepted, and those that are cast."""
    if dtype in op.accepts:
        return True
    if op.samples is not None or op.family.name not in FAMILIES:
        return False
    try:
        for case in FAMILIES[op.family.name](Request(op, dtype, False, generator())):
            op.make(tuple(t() for t in case.types), case.attrs)
            return bool(case.arrays) and case.arrays[0].dtype == np.dtype(dtype)
    except DTypeError:
        return False
    return False


def _own(request: Request) -> Iterator[Case]:
    assert request.op.samples is not None
    for arrays, attrs in request.op.samples(request.dtype):
        arrays = tuple(np.asarray(a) for a in arrays)
        yield Case(arrays, attrs, tuple((False,) * a.ndim for a in arrays), "own sample")


# -- elementwise ----------------------------------------------------------------------------


def _elementwise(request: Request) -> Iterator[Case]:
    yield from _special_vectors(request)
    yield from _same_shapes(request, [(7,), (0,), (1,), (1000,)])
    if request.full or request.dtype == request.main:
        yield from _same_shapes(request, [(3, 5), (0, 3), (4, 0), (1, 1), (33, 65)])
    if request.full:
        yield from _same_shapes(request, [()])
        yield from _same_shapes(request, [(2, 3, 4)])
        yield from _mixed_dtypes(request)
    if request.op.arity > 1 and (request.full or request.dtype == request.main):
        yield from _broadcast(request)


def _flags(arrays: Sequence[Array]) -> tuple[Flags, ...]:
    return tuple((False,) * a.ndim for a in arrays)


def _same_shapes(request: Request, shapes: Sequence[Shape]) -> Iterator[Case]:
    """Each shape in every layout; where layouts are few the first one, and the others in two."""
    for number, shape in enumerate(shapes):
        every = shape and (request.every_layout or number == 0)
        for turn in range(len(LAYOUTS)) if every else (0, 2):
            arrays = [request.domain(shape, d) for d in request.operand_dtypes()]
            laid = laid_out(arrays, turn)
            yield Case(laid, {}, _flags(laid), f"shape {shape}, layouts from {turn}")


def _special_vectors(request: Request) -> Iterator[Case]:
    values = [specials(d) for d in request.operand_dtypes()]
    most = 4000 if request.full else 1600
    arrays = crossed(values, most, request.rng)
    yield Case(tuple(arrays), {}, _flags(arrays), "special values")
    if dtypes.kind(request.dtype) in "iu":
        arrays = [
            wide_integers(d, (257,), request.rng)
            if dtypes.kind(d) in "iu"
            else request.domain((257,), d)
            for d in request.operand_dtypes()
        ]
        yield Case(tuple(arrays), {}, _flags(arrays), "the whole range")


#: Shapes that broadcast together, operand by operand, and which axes are declared to be 1.
_PATTERNS: tuple[tuple[tuple[Flags, Shape], ...], ...] = (
    (((False, False), (3, 5)), ((True, False), (1, 5))),
    (((False, True), (4, 1)), ((True, False), (1, 3))),
    (((), ()), ((False, False), (3, 5))),
    (((False, False), (3, 5)), ((False,), (5,))),
    (((True, False, False), (1, 3, 2)), ((False, True), (3, 1))),
)


def _broadcast(request: Request) -> Iterator[Case]:
    names = request.operand_dtypes()
    for pattern in _PATTERNS if request.full else _PATTERNS[:1]:
        turns = range(len(LAYOUTS)) if request.every_layout else (0, 3, 5)
        for turn, empty in (*((turn, False) for turn in turns), (0, True)):
            parts = [pattern[k % len(pattern)] for k in range(len(names))]
            shapes = [tuple(0 if empty and n == 5 else n for n in shape) for _, shape in parts]
            arrays = [request.domain(s, d) for s, d in zip(shapes, names, strict=True)]
            flags = tuple(known for known, _ in parts)
            label = f"shapes {', '.join(map(str, shapes))}, layouts from {turn}"
            yield Case(laid_out(arrays, turn), {}, flags, label)


_PARTNERS = {
    "int8": "uint8", "uint64": "int64", "int32": "float32", "float32": "float64",
    "float16": "int16", "bool": "int8", "int64": "float32",
}  # fmt: skip


def _mixed_dtypes(request: Request) -> Iterator[Case]:
    partner = _PARTNERS.get(request.dtype)
    if partner is None or request.op.arity < 2:
        return
    names = [*request.operand_dtypes()[:-1], partner]
    try:
        request.op.make(tuple(TensorType(d, (False,))() for d in names), {})
    except DTypeError:
        return
    arrays = [request.domain((9,), d) for d in names]
    yield Case(tuple(arrays), {}, _flags(arrays), f"with {partner}")


def _cast(request: Request) -> Iterator[Case]:
    source = dtypes.kind(request.dtype)
    for target in dtypes.ALL if request.full else ("bool", "int32", "float32", "float64"):
        attrs = {"dtype": target}
        try:
            request.op.make((TensorType(request.dtype, (False,))(),), attrs)
        except DTypeError:
            continue
        for values in (specials(request.dtype), request.domain((7,)), request.domain((0,))):
            yield Case((values,), attrs, ((False,),), f"to {target}")
        if source in "iu":
            values = wide_integers(request.dtype, (65,), request.rng)
            yield Case((values,), attrs, ((False,),), f"to {target}, the whole range")
        if dtypes.kind(target) == "f" and source in "iuf":
            values = halfway(request.dtype, target, request.rng)
            yield Case((values,), attrs, ((False,),), f"to {target}, halfway")


# -- reductions, rows, contractions ---------------------------------------------------------

_AXES: tuple[tuple[Shape, tuple[int, ...]], ...] = (
    ((4, 5), (1,)), ((4, 5), (0,)), ((4, 5), (0, 1)), ((7,), (0,)),
    ((2, 3, 4), (0, 2)), ((2, 3, 4), (1,)), ((2, 3, 4), (2,)),
)  # fmt: skip
#: Sizes that show how rounding errors grow, and that need more than one vector, block or strip:
#: some fill whole ones, others do not.
_LARGE: tuple[tuple[Shape, tuple[int, ...]], ...] = (
    ((3, 2000), (1,)), ((2000, 3), (0,)), ((3, 1024), (1,)), ((1024, 3), (0,)), ((2, 1024), (0,)),
    ((1024, 2), (1,)), ((33, 65), (0, 1)), ((50_000,), (0,)),
)  # fmt: skip


def _reduction(request: Request) -> Iterator[Case]:
    chosen = _AXES if request.full else _AXES[:2]
    if request.full and request.op.family.name == "reduction":
        yield from _along(request, (), ())
    for shape, axes in chosen:
        yield from _along(request, shape, axes)
        yield from _empty(request, shape, axes)
    for shape, axes in _LARGE:
        if (len(shape), axes) in {(len(s), a) for s, a in chosen}:
            yield _reduced(request.domain(shape), axes, f"shape {shape}")
            same = np.full(shape, request.domain(())) * np.ones((), request.dtype)
            yield _reduced(same, axes, f"one value in shape {shape}")
    for shape, flags in (((4, 1), (False, True)), ((1, 4), (True, False)), ((1,), (True,))):
        for axes in ((0,), (1,), (0, 1))[: len(shape) * 2 - 1 if request.full else 2]:
            if max(axes) < len(shape):  # an axis of known size 1 need not become a loop
                values = request.domain(shape)
                yield Case((values,), {"axes": axes}, (flags,), f"shape {shape}, declared so")
    yield from _special_rows(request)


def _reduced(array: Array, axes: tuple[int, ...], label: str) -> Case:
    return Case((array,), {"axes": axes}, ((False,) * array.ndim,), label)


def _along(request: Request, shape: Shape, axes: tuple[int, ...]) -> Iterator[Case]:
    for turn in range(len(LAYOUTS)) if shape else (0,):
        (array,) = laid_out([request.domain(shape)], turn)
        yield _reduced(array, axes, f"shape {shape}, layout {turn}")
    if dtypes.kind(request.dtype) in "iu":
        yield _reduced(wide_integers(request.dtype, shape, request.rng), axes, "the whole range")


def _empty(request: Request, shape: Shape, axes: tuple[int, ...]) -> Iterator[Case]:
    """Size 0 on the first axis, then on the last: reduced ones and kept ones."""
    for axis in (0, -1):
        sizes = list(shape)
        sizes[axis] = 0
        yield _reduced(request.domain(tuple(sizes)), axes, f"shape {tuple(sizes)}")


def _special_rows(request: Request) -> Iterator[Case]:
    """Rows, and columns, of ordinary values with one special value each, at each place, and with
    two opposite ones."""
    values = specials(request.dtype)
    if dtypes.kind(request.dtype) in "fc":
        huge = np.isfinite(values) & (np.abs(values) > 1000)  # order would decide what overflows
        values = values[~huge]
    places = range(5)
    rows = request.domain((len(values) * len(places) + 2, len(places)))
    for row, (value, place) in enumerate(itertools.product(values, places)):
        rows[row, place] = value
    known = values[~np.isnan(values)] if dtypes.kind(request.dtype) in "fc" else values
    rows[-2, 0], rows[-2, 3] = rows[-1, 3], rows[-1, 0] = known.min(), known.max()
    same = np.repeat(values[:, None], 3, axis=1)
    yield _reduced(rows, (1,), "special values")
    yield _reduced(same, (1,), "rows of one special value")
    yield _reduced(np.array(rows.T), (0,), "special values in columns")
    yield _reduced(np.array(same.T), (0,), "columns of one special value")


_LABELS: tuple[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]], ...] = (
    ((0, 1), (1, 2), (0, 2)), ((0, 1), (1,), (0,)), ((0,), (0,), ()), ((0,), (1,), (0, 1)),
    ((1, 0), (1, 2), (0, 2)), ((0, 1), (2, 1), (0, 2)), ((0, 1), (1, 2), (2, 0)),
    ((0, 1, 2), (0, 2, 3), (0, 1, 3)), ((0, 1, 2), (1, 2, 3), (0, 3)), ((0,), (0,), (0,)),
    ((1, 0), (2, 1), (2, 0)), ((0, 2, 1), (2, 3, 0), (3, 0, 1)),
)  # fmt: skip
_SIZES = (
    (3, 5, 4, 2), (1, 1, 1, 1), (2, 0, 3, 2), (0, 3, 2, 1), (33, 65, 17, 9), (2, 3, 520, 2),
    (2, 520, 3, 2),
)  # fmt: skip


def _contraction(request: Request) -> Iterator[Case]:
    for a, b, out in _LABELS if request.full else _LABELS[:3]:
        attrs = {"a": a, "b": b, "out": out}
        flags = ((False,) * len(a), (False,) * len(b))
        for number, sizes in enumerate(_SIZES):
            shapes = (tuple(sizes[i] for i in a), tuple(sizes[i] for i in b))
            every = number == 0 or (request.every_layout and 0 not in sizes)
            for turn in range(len(LAYOUTS)) if every else (0,):
                arrays = [request.domain(s) for s in shapes]
                yield Case(
                    laid_out(arrays, turn), attrs, flags, f"shapes {shapes}, layouts from {turn}"
                )
        if dtypes.kind(request.dtype) in "fc":
            x, y = (request.domain(tuple(_SIZES[0][i] for i in part)) for part in (a, b))
            x.flat[0], x.flat[-1] = np.inf, np.nan
            yield Case((x, y), attrs, flags, "special values: infinite and NaN entries")
        else:
            ends = specials(request.dtype)
            x, y = (np.resize(ends, tuple(_SIZES[0][i] for i in part)) for part in (a, b))
            yield Case((x, y), attrs, flags, "special values")


FAMILIES: dict[str, Callable[[Request], Iterator[Case]]] = {
    "elementwise": _elementwise,
    "cast": _cast,
    "reduction": _reduction,
    "along axes": _reduction,
    "contraction": _contraction,
}


_MOST_FILLS = 8


def _special_fills(
    request: Request, shapes: Sequence[Shape]
) -> Iterator[tuple[tuple[Array, ...], str]]:
    """Operands of these shapes that hold all special values in turn: the strangest first, where
    there are many shapes too small for all."""
    sizes = [int(np.prod(shape)) for shape in shapes]
    if not shapes or 0 in sizes:
        return
    values = _combinable(request.op, strangest_first(specials(request.dtype)))
    step = max(sizes)
    for turn in range(min(-(-len(values) // step), _MOST_FILLS)):
        fills = (
            np.resize(np.roll(values, -turn * step - k), shape) for k, shape in enumerate(shapes)
        )
        yield tuple(fills), f"special values from {turn * step} in shapes {shapes}"


def _combinable(op: Op[Any], values: Array) -> Array:
    """Without those with which the order of combining would decide what overflows or vanishes."""
    if values.dtype.kind not in "fc" or op.family.name not in _COMBINING:
        return values
    size = np.abs(values)
    keep = ~np.isfinite(values) | (size <= 1000)
    if op.family.name == "cumulative" and op.c != "sum":
        keep &= ~np.isfinite(values) | (size == 0) | ((size >= 0.5) & (size <= 2))
    return values[keep]


#: Families that may add several entries, or multiply them, into one.
_COMBINING = ("scatter", "window_update", "subtensor_update", "cumulative")


def _movement(name: str) -> Callable[[Request], Iterator[Case]]:
    def cases(request: Request) -> Iterator[Case]:
        for shapes, sizes, attrs, flags in MOVEMENTS[name](request.full):
            plain = tuple(np.asarray(n, dtype="int64") for n in sizes)
            for turn in range(len(LAYOUTS)) if shapes and 0 not in shapes[0] else (0,):
                arrays = laid_out([request.domain(s) for s in shapes], turn)
                known = flags or tuple((False,) * len(s) for s in shapes)
                label = f"shapes {shapes}, sizes {sizes}, layouts from {turn}"
                yield Case((*arrays, *plain), attrs, (*known, *((),) * len(sizes)), label)
            known = flags or tuple((False,) * len(s) for s in shapes)
            for arrays, label in _special_fills(request, shapes):
                yield Case((*arrays, *plain), attrs, (*known, *((),) * len(sizes)), label)

    return cases


FAMILIES |= {name: _movement(name) for name in MOVEMENTS}


def _indexing(name: str) -> Callable[[Request], Iterator[Case]]:
    def cases(request: Request) -> Iterator[Case]:
        for pick in map(request.spread, INDEXINGS[name](request.full)):
            label = f"shapes {pick.shapes}, positions {[p.tolist() for p in pick.places]}"
            empty = any(0 in shape for shape in pick.shapes)
            for turn in range(len(LAYOUTS)) if pick.shapes and not empty else (0,):
                arrays = laid_out([request.domain(s) for s in pick.shapes], turn)
                known = f"{label[:100]}, layouts from {turn}"
                yield Case((*arrays, *pick.places), pick.attrs, pick.flags, known)
            for arrays, known in _special_fills(request, pick.shapes):
                yield Case(
                    (*arrays, *pick.places), pick.attrs, pick.flags, f"{known}: {label[:100]}"
                )

    return cases


FAMILIES |= {name: _indexing(name) for name in INDEXINGS}


def _constant(request: Request) -> Iterator[Case]:
    for value in (specials(request.dtype), request.domain((2, 3)), request.domain(())):
        value.flags.writeable = False
        yield Case((), {"value": value, "literal": False}, (), f"shape {value.shape}")


def _counter(request: Request) -> Iterator[Case]:
    for n in (0, 1, 7, 1000):
        yield Case((np.asarray(n, dtype="int64"),), {}, ((),), f"length {n}")


FAMILIES |= {"constant": _constant, "counter": _counter}
