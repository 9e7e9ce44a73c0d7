"""The functions of OpenCL C that a text uses, declared one by one.

A driver made of clang reads a header with all of the language's functions before each text, 18,000
lines in every form for every type. That takes several times as long as our texts themselves (PoCL
3.0: 190 ms in place of 35, and 55 in place of a few where it has the program already). With
``SKIPPED`` it takes the header for read, and ``declared`` has what is missing then.
"""

from __future__ import annotations

import re

#: The option under which clang's header is empty.
SKIPPED = "-D_OPENCL_H_"

_UNARY = (
    "acos acosh asin asinh atan atanh cbrt ceil cos cosh cospi erf erfc exp exp10 exp2 expm1 fabs "
    "floor lgamma log log10 log1p log2 logb rint round rsqrt sin sinh sinpi sqrt tan tanh tanpi "
    "tgamma trunc"
)
_BINARY = "atan2 copysign fdim fmax fmin fmod hypot nextafter pow powr remainder"
_TERNARY = "fma mad"
#: What a declaration says beside the type: other functions of the name may follow, and the value
#: depends on the arguments alone.
_VALUE = "__attribute__((overloadable, const))"
_ACTION = "__attribute__((overloadable))"
_PLACES = "get_global_id get_global_size get_group_id get_local_id get_local_size get_num_groups"


def _floating() -> dict[str, tuple[str, ...]]:
    """The declarations for both floating types, ``T``; vectors of them no text uses."""
    operands = {_UNARY: "T", _BINARY: "T, T", _TERNARY: "T, T, T"}
    return {
        name: tuple(f"{_VALUE} T {name}({types});".replace("T", t) for t in ("float", "double"))
        for names, types in operands.items()
        for name in names.split()
    }


_DECLARED: dict[str, tuple[str, ...]] = {
    **_floating(),
    **{name: (f"{_VALUE} size_t {name}(uint);",) for name in _PLACES.split()},
    "barrier": ("__attribute__((overloadable, convergent)) void barrier(cl_mem_fence_flags);",),
    "atomic_cmpxchg": (
        f"{_ACTION} int atomic_cmpxchg(volatile __global int *, int, int);",
        f"{_ACTION} uint atomic_cmpxchg(volatile __global uint *, uint, uint);",
    ),
    "vload_half": (
        f"{_ACTION} float vload_half(size_t, const __global half *);",
        f"{_ACTION} float vload_half(size_t, const __local half *);",
    ),
    "vstore_half_rte": tuple(
        f"{_ACTION} void vstore_half_rte({kind}, size_t, {place} half *);"
        for kind in ("float", "double")
        for place in ("__global", "__local")
    ),
}
#: What stands before a parenthesis and needs no declaration: our own functions, and words (``asm``
#: in branches for other devices).
_OWN = re.compile(r"(tc_\w+|k\d+_\w+|sizeof|defined|reqd_work_group_size|aligned|vectorize|asm)\Z")
_CALLED = re.compile(r"\b([a-z][a-z0-9_]*)\(")
_DOUBLE = re.compile(r"\bdouble\b")


def declared(text: str, double: bool) -> str | None:
    """The declarations of all functions of the language that ``text`` calls; None where it calls
    one that is not known here. ``double``: whether the device has that type."""
    names = sorted(name for name in set(_CALLED.findall(text)) if not _OWN.match(name))
    if not _DECLARED.keys() >= set(names):
        return None
    lines = [line for name in names for line in _DECLARED[name]]
    return "".join(f"{line}\n" for line in lines if double or not _DOUBLE.search(line))
