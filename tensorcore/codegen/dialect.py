"""What differs between C-family languages, as one value per language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from ..dtypes import DTYPES
from .prelude_math import INLINED, INLINED_HIGH, VERSIONS

_NONE: Mapping[str, str] = {}
_NO_VERSIONS: Mapping[str, tuple[str, str]] = {}
_NOTHING_INLINED: Mapping[tuple[str, str], str] = {}
_WIDE = re.compile(r"\b((?:0x[0-9a-fA-F]+|[0-9]+)u?)ll\b")
_CALL = re.compile(r"\b(\w+)@\(")


class Items(NamedTuple):
    """How a language says where its code runs, in which work-items carry out a kernel.

    ``group``: how many of them form a work-group. With 1, each takes a chunk of the points of a
    kernel and loops over them, as suits a processor; with more, each takes a point, or a group
    together one row. ``item`` and ``items``: the number of this work-item and how many there are;
    ``member``: its number in its group; ``group_item`` and ``groups``: the number of its group,
    and how many there are. ``barrier``: the statement at which a group waits for all its members
    and their writes. ``local``: what stands before memory of a group. ``sized``: what stands
    before the name of an entry to fix the size of its groups, ``{0}``. ``unroll``: the line before
    a loop of known length that is to be written out. ``claim``: whether this work-item is the first
    to write into ``error``. ``shuffle``: where 32 neighbours in a group go in step, the value
    ``{0}`` of the member ``{1}`` places further; empty where they do not. ``spread``: there, the
    value ``{0}`` of the first of the ``{1}`` neighbours that one belongs to. ``adds``: by dtype the
    statement that adds ``{1}`` to ``{0}`` whoever else does so, for who asks for that. ``aligned``:
    what says that a struct lies at multiples of ``{0}`` bytes, where work-items may take several
    neighbours at once.
    """

    group: int
    item: str
    items: str
    member: str
    group_item: str
    groups: str
    barrier: str
    local: str
    sized: str
    unroll: str
    claim: str
    shuffle: str = ""
    spread: str = ""
    adds: Mapping[str, str] = _NONE
    aligned: str = ""

    def loop(self) -> str:
        """The head of a loop over ``t`` below ``count``: of it a work-item takes a chunk, or every
        so many-th point."""
        if self.group > 1:
            return f"for (i64 t = {self.item}; t < count; t += {self.items})"
        end = "const i64 end = count - begin < chunk ? count : begin + chunk;"
        return (
            f"const i64 begin = {self.item} * chunk;\n  {end}\n  for (i64 t = begin; t < end; t++)"
        )


class Dialect(NamedTuple):
    """Spellings of one C-family language.

    ``types``: dtype name to the type that buffers hold. ``suffix``: dtype name to what
    replaces ``@`` in a template (``"f"`` makes ``exp@`` into ``expf``). ``entry``: what stands
    before the name of a function that is called from outside. ``space`` and ``pointer``: what
    stands before and after the type of a buffer. ``table``: what stands before that of a table of
    constants. ``wide``: what stands behind integers of 64 bits, as texts have ``ll``. ``simd``: the
    line before a loop whose steps are independent, with ``{clauses}`` for its reductions; empty
    where the language has none.
    ``inlined``: functions, as templates name them before ``@``, each with the word of a type,
    with the prelude's that is called instead of the language's own. ``versions``: functions with
    a faster one for small arguments, and what says that an argument is not (``versions.py``).
    ``blocks``: whether loops that draw random words are cut into blocks (``words.py``).
    ``indices``: the type of indices and sizes. ``items``: for languages whose kernels are carried
    out by many work-items (``work_items.py``).

    A dtype that is stored but not computed with has four entries more. ``computed``: the dtype
    of its values in registers. ``loads``: how a buffer is read, ``{0}`` the pointer and ``{1}``
    the index. ``stores``: how it is written, ``{2}`` the value. ``rounds``: how a value of the
    computed dtype becomes one that the stored dtype has, ``{0}`` the value and ``#`` its word.
    """

    name: str
    types: Mapping[str, str]
    suffix: Mapping[str, str]
    entry: str = "void"
    space: str = ""
    pointer: str = "*restrict"
    table: str = "static const"
    wide: str = "ll"
    simd: str = ""
    inlined: Mapping[tuple[str, str], str] = _NOTHING_INLINED
    versions: Mapping[str, tuple[str, str]] = _NO_VERSIONS
    blocks: bool = False
    computed: Mapping[str, str] = _NONE
    loads: Mapping[str, str] = _NONE
    stores: Mapping[str, str] = _NONE
    rounds: Mapping[str, str] = _NONE
    indices: str = "i64"
    items: Items | None = None

    def in_registers(self, dtype: str) -> str:
        """The dtype in which values of ``dtype`` are computed."""
        return self.computed.get(dtype, dtype)

    def fill(self, template: str, dtype: str, args: list[str]) -> str:
        """A template's text: ``{0}`` operands, ``@`` function suffix, ``#`` dtype word."""
        dtype = self.in_registers(dtype)
        word = DTYPES[dtype].c
        text = _CALL.sub(lambda call: self._called(call, word), template)
        text = text.replace("@", self.suffix.get(dtype, "")).replace("#", word)
        return text.format(*args)

    def _called(self, call: re.Match[str], word: str) -> str:
        entry = self.inlined.get((call[1], word))
        return call[0] if entry is None else f"{entry}_#("

    def spelled(self, text: str) -> str:
        """A text whose integers of 64 bits are as the language has them."""
        return text if self.wide == "ll" else _WIDE.sub(rf"\1{self.wide}", text)

    def load(self, dtype: str, pointer: str, index: str) -> str:
        """The value at an index, in the dtype of registers."""
        return self.loads.get(dtype, "{0}[{1}]").format(pointer, index)

    def store(self, dtype: str, pointer: str, index: str, value: str) -> str:
        """The statement that writes a value of the dtype of registers."""
        return self.stores.get(dtype, "{0}[{1}] = {2};").format(pointer, index, value)

    def rounded(self, dtype: str, source: str, value: str) -> str:
        """A value of the dtype ``source`` as one that ``dtype`` has, in registers."""
        template = self.rounds.get(dtype)
        if template is None:
            return value
        return template.replace("#", DTYPES[source].c).format(value)


#: C99 with the short type names of the prelude.
C99 = Dialect(
    name="c",
    types={name: d.c for name, d in DTYPES.items()},
    suffix={"float32": "f"},
    simd="#pragma omp simd{clauses}",
    inlined=INLINED,
    versions=VERSIONS,
    blocks=True,
    computed={"float16": "float32"},
    loads={"float16": "tc_load_f16({0}[{1}])"},
    stores={"float16": "{0}[{1}] = tc_store_f16({2});"},
    rounds={"float16": "tc_round_#({0})"},
)
#: The same with float64 functions that are right to one or two units in the last place.
C99_HIGH = C99._replace(inlined=INLINED_HIGH)


def c99(accuracy: str) -> Dialect:
    """C99 as the option ``math_accuracy`` asks for it."""
    return C99_HIGH if accuracy == "high" else C99


#: OpenCL C for devices whose work-items are threads of a processor: each loops over many points.
#: The pragma, which other compilers ignore, lets those made from clang reorder sums.
OPENCL = Dialect(
    name="opencl",
    types=C99.types,
    suffix={},
    entry="kernel",
    space="global ",
    table="constant",
    wide="l",  # long long has 128 bits
    simd="#pragma clang loop vectorize(enable)",
    inlined=INLINED,
    computed={"float16": "float32"},
    loads={"float16": "vload_half({1}, (const global half *){0})"},
    stores={"float16": "vstore_half_rte({2}, {1}, (global half *){0});"},
    rounds=C99.rounds,
    items=Items(
        group=1,
        item="((i64)get_global_id(0))",
        items="((i64)get_global_size(0))",
        member="((int)get_local_id(0))",
        group_item="((i64)get_group_id(0))",
        groups="((i64)get_num_groups(0))",
        barrier="barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE);",
        local="local ",
        sized="__attribute__((reqd_work_group_size({0}, 1, 1))) void",
        unroll="#pragma unroll",
        claim="atomic_cmpxchg((volatile global int *)error, 0, 2) == 0",
        aligned="__attribute__((aligned({0})))",
    ),
)


def opencl(accuracy: str, group: int = 1, wide: bool = False) -> Dialect:
    """OpenCL C as the option ``math_accuracy`` asks for it, for groups of so many work-items."""
    return _for_groups(OPENCL, accuracy, group, wide)


#: CUDA C, as NVRTC takes it where functions without a word about their place are the device's.
CUDA = Dialect(
    name="cuda",
    types=C99.types,
    suffix=C99.suffix,
    entry="__global__",
    pointer="*__restrict__",
    table="static __device__ const",
    inlined=INLINED,
    computed=C99.computed,
    loads=C99.loads,
    stores=C99.stores,
    rounds=C99.rounds,
    items=Items(
        group=128,
        item="((i64)blockIdx.x * blockDim.x + threadIdx.x)",
        items="((i64)gridDim.x * blockDim.x)",
        member="((int)threadIdx.x)",
        group_item="((i64)blockIdx.x)",
        groups="((i64)gridDim.x)",
        barrier="__syncthreads();",
        local="__shared__ ",
        sized="void __launch_bounds__({0})",
        unroll="#pragma unroll",
        claim="atomicCAS((int *)error, 0, 2) == 0",
        shuffle="__shfl_down_sync(0xffffffffu, {0}, {1})",
        spread="__shfl_sync(0xffffffffu, {0}, 0, {1})",
        aligned="__align__({0})",
    ),
)


#: What adds to a place that others add to as well, by dtype: of 64-bit integers CUDA has the
#: unsigned form, which wraps around to the same bits.
_ATOMIC_ADDS = {
    **dict.fromkeys(("float32", "float64", "int32", "uint32"), "atomicAdd(&{0}, {1});"),
    **dict.fromkeys(("int64", "uint64"), "atomicAdd((u64 *)&{0}, (u64){1});"),
}


def cuda(accuracy: str, group: int = 128, wide: bool = False, atomic: bool = False) -> Dialect:
    """CUDA C as the option ``math_accuracy`` asks for it, for blocks of so many threads; with
    ``atomic`` values are added at computed places in any order."""
    found = _for_groups(CUDA, accuracy, group, wide)
    assert found.items is not None
    return found._replace(items=found.items._replace(adds=_ATOMIC_ADDS)) if atomic else found


def _for_groups(dialect: Dialect, accuracy: str, group: int, wide: bool) -> Dialect:
    """The dialect for groups of this size. Graphics processors compute addresses in 32 bits, of
    which 64 take several times as long; ``wide`` is for what is too large for that."""
    assert dialect.items is not None
    items = dialect.items._replace(group=group)
    chosen = dialect._replace(inlined=c99(accuracy).inlined)
    if group == 1 or wide:
        return chosen._replace(items=items)
    places = ("item", "items", "group_item", "groups")
    narrow = {name: getattr(items, name).replace("i64", "i32") for name in places}
    return chosen._replace(indices="i32", items=items._replace(**narrow))
