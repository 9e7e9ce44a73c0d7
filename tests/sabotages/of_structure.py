"""Sabotages of generated C: loops, addresses, sums, memory and the calls around them."""

from __future__ import annotations

from typing import Any

from .rows import Named, Sabotage, values


def _row(
    where: str,
    old: str,
    new: str,
    op: str,
    dtype: str,
    words: str,
    says: str,
    caught: Named | None = None,
    full: bool = False,
    attrs: Any = None,
) -> Sabotage:
    test = caught or values(op, dtype, full)
    return Sabotage(words, "cgen", where, old, new, op, dtype, test, says, attrs)


_PRINTER = "tensorcore.codegen.render:KernelPrinter"
_PARTS = "tensorcore.codegen.parts"
_COLUMNS = "tensorcore.codegen.columns:ColumnPrinter"
_ACCESS = "tensorcore.lower.access"
_ALONE = "tensorcore.lower.standalone"
_CGEN = "tensorcore_cgen"
_TOTALS = "tensorcore.codegen.totals:Totals"
_ONCE = Named("test_seams", "test_rows_and_columns_of_one_matrix", {"dtype": "float64"})
_STATE = "test_state"


def _state(name: str, **parameters: Any) -> Named:
    return Named("test_state", name, parameters)


OF_STRUCTURE = (
    # -- accumulators
    _row(f"{_PRINTER}._combine", "q{v} |= {x} != {x};\"", "q{v} |= 0;\"", "reduce_max", "float64",
         "a maximum along rows passes over NaN", "expected nan.*special values"),
    _row(f"{_COLUMNS}._combine", "q{v}[l] |= {x} != {x};", "q{v}[l] |= 0;", "reduce_min", "float64",
         "a minimum along columns passes over NaN", "special values in columns", full=True),
    _row(f"{_PRINTER}._combine", "{x} {sign} s{v} ||", "{x} {sign}= s{v} ||", "reduce_argmax",
         "float32", "the last of equal entries is the largest", "one value"),
    _row(f"{_PRINTER}._combine", "({x} != {x} && s{v} == s{v})", "0", "reduce_argmin", "float64",
         "the smallest entry is looked for beyond NaN", "special values"),
    _row(f"{_PRINTER}._innermost", "BLOCK if pragma else _SCALAR_BLOCK", "1 << 40", "reduce_sum",
         "float32", "a sum adds one after the other, without pairs", "one value", full=True),
    _row(f"{_PRINTER}._innermost", "{self._type(a.dtype)} s{a.value}", "f32 s{a.value}",
         "reduce_sum", "float64", "blocks of a float64 sum are added in float32", "eps"),
    _row(f"{_PRINTER}._innermost", "b += {block})", "b += {block} + 1)", "reduce_sum", "float64",
         "an entry is left out between two blocks of a sum", "2000"),
    _row(f"{_PARTS}:Parts._chunks", "first = q * k->chunk{number};",
         "first = q * k->chunk{number} + (q > 0);", "reduce_sum", "float32",
         "an entry is left out between two chunks of a sum", "50000", full=True),
    _row(f"{_PARTS}:Parts._take", "v{v} = c{v} + {found}", "v{v} = {found}", "reduce_argmax",
         "float64", "a position counts from the start of its chunk", "50000", full=True),
    _row(f"{_PARTS}:_Columns._joins", "h < {chunks}; h *= 2", "h < 2; h *= 2", "reduce_sum",
         "float64", "of the chunks of rows only two join", "2000", full=True),
    _row(f"{_COLUMNS}._reduce", "r += {_ROWS})", "r += {_ROWS} + 1)", "reduce_sum", "float64",
         "a row is left out between two blocks of a sum of columns", "2000", full=True),
    _row(f"{_COLUMNS}._width", "{width} - b;", "{width} % {STRIP};", "reduce_sum", "float64",
         "the last strip of columns is empty when it is full", "1024", full=True),
    # -- totals of a kernel's points
    _row(f"{_TOTALS}._join", "h < k->chunks; h *= 2", "h < 2; h *= 2", "contract", "float64",
         "of the totals of chunks only two meet", "67 rows of 300", _ONCE),
    _row(f"{_TOTALS}._chunk", "{name}[j] = 0;", "if (!q) {name}[j] = 0;", "contract", "float64",
         "totals start from what was in memory", "rows of", _ONCE),
    _row(f"{_TOTALS}._long_rows", "l + {rows} <= w", "l + {rows} < w", "contract", "float64",
         "rows at the end are left out of totals", "rows of", _ONCE),
    _row(f"{_TOTALS}._long_rows", "g += {BLOCK})", "g += {BLOCK} + 1)", "contract", "float64",
         "an entry is left out between two blocks of a row", "67 rows of 300|530 rows", _ONCE),
    _row(f"{_TOTALS}._short_rows", "{name}[j0];", "0;", "contract", "float64",
         "totals of short rows forget the rows before", "rows of", _ONCE),
    _row(f"{_TOTALS}._enter_row", "r{v}[{row}]", "r{v}[0]", "contract", "float64",
         "all rows that are at hand take what belongs to the first", "rows of", _ONCE),
    _row(f"{_TOTALS}._each_row", "r{store.value}[l]", "r{store.value}[0]", "contract", "float64",
         "bytes that are set aside are those of the first row", "rows of", _ONCE),
    _row("tensorcore.codegen.render:start_value",
         "\"-1.0 / 0.0\" if a.combine == \"max\"", "\"-1e30\" if a.combine == \"max\"",
         "reduce_max", "float64", "a maximum starts from a large negative number", "-inf"),
    # -- addresses
    _row(f"{_ACCESS}:contiguous", "shape[axis + 1 :]", "shape[axis + 1 : axis + 2]", "reduce_sum",
         "float64", "strides are right for matrices only", "shape", full=True),
    _row(f"{_ACCESS}:aligned", "lead = ndim - operand.ndim", "lead = 0", "add", "float32",
         "operands are aligned at the left", "shapes", full=True),
    _row(f"{_ACCESS}:_through", "sizes.mul(step, old.start)", "old.start", "window", "float64",
         "a slice of a slice forgets the step in its start", "slice|found|expected",
         Named("test_seams", "test_windows_of_windows")),
    _row(f"{_PRINTER}._wrap", "{given} < 0 ? {given} + {length} : {given}", "{given}", "gather",
         "float64", "negative positions are not wrapped", "OutOfRange"),
    _row(f"{_PRINTER}._wrap", "{name} >= {length}", "{name} > {length}", "gather", "float64",
         "the position behind the last is let through", "DID NOT RAISE",
         Named("test_seams", "test_reductions_of_gathered_values",
               {"op": "reduce_sum", "axis": 1})),
    _row(f"{_PRINTER}._wrap", "{name} < 0 || {name}", "{name}", "gather", "float64",
         "positions before the first are let through", "DID NOT RAISE",
         Named("test_seams", "test_reductions_of_gathered_values",
               {"op": "reduce_sum", "axis": 1})),
    _row(f"{_PRINTER}._loop", "= {start}; {index} < {length}; {on}",
         "= {length} - 1; {index} >= {start}; {index}--", "scatter_set", "float64",
         "of two values for one place the first stays", "found"),
    _row(f"{_ALONE}:join_kernel", "sizes.add(start, sizes.shape(part)[axis])",
         "sizes.shape(part)[axis]", "join", "float32", "the third part lands on the second",
         "found"),
    _row(f"{_CGEN}.contract:contract_operands", "for i in role) or", "for i in role[:1]) or",
         "contract", "float64", "of two axes that are summed over only the first counts", "found",
         full=True),
    _row(f"{_CGEN}.contract:_LOOPS", "r[j] = 0;", "r[j] = !k;", "contract", "float64",
         "a product over nothing is one", "shapes"),
    _row(f"{_CGEN}.contract:_LOOPS", "T s = 0;", "float s = 0;", "contract", "float64",
         "a product of columns is added in float32", "eps", full=True),
    _row(f"{_CGEN}.contract:_STRIPS", "start += 256", "start += 257", "contract", "float16",
         "a column is left out between two strips of a product", "found", full=True),
    _row(f"{_CGEN}.contract:_FIXED", "if (++i == m)", "if (++i > m)", "contract", "float64",
         "of many products of known sizes the next one's rows come late", "a product of shape",
         Named("test_seams", "test_products_of_known_sizes", {"dtype": "float32"})),
    _row(f"{_CGEN}.contract:_FIXED", "j * (BN)", "j", "contract", "float64",
         "columns of a small product are taken as neighbours", "a product of shape",
         Named("test_seams", "test_products_of_known_sizes", {"dtype": "int8"})),
    # -- sorting
    _row(f"{_CGEN}.sort:_ARGSORT", "tc_argsort_less_#(x, from[j], from[i]) ? from[j++] : from[i++]",
         "tc_argsort_less_#(x, from[i], from[j]) ? from[i++] : from[j++]", "argsort", "int64",
         "merging is not stable", "found", full=True),
    _row(f"{_CGEN}.sort:_ARGSORT", "(b != b && a == a)", "(a != a && b == b)", "argsort", "float64",
         "NaN sorts first", "found"),
    # -- sizes
    _row(f"{_CGEN}.emit:_SIZE_FUNCTIONS", " - (a % b != 0 && (a < 0) != (b < 0))", "",
         "add", "float64", "sizes are divided towards zero", "size -",
         Named("test_shapes", "test_arithmetic_of_sizes")),
    _row(f"{_CGEN}.emit:_FAILS[equal]", "s[{0}] != s[{1}]", "s[{0}] > s[{1}]", "add", "float64",
         "a first size that is too small is let through", "DID NOT RAISE",
         Named("test_shapes", "test_sizes_that_do_not_fit")),
    _row(f"{_CGEN}.emit:_FAILS[equal]", "s[{0}] != s[{1}]", "s[{0}] < s[{1}]", "add", "float64",
         "a first size that is too large is let through", "DID NOT RAISE",
         Named("test_shapes", "test_sizes_that_do_not_fit")),
    # -- types and flags
    _row("tensorcore.codegen.dialect:C99.types[uint64]", "u64", "i64", "lt", "uint64",
         "uint64 is computed in int64", "range"),
    _row(f"{_CGEN}.toolchain:flags", "*_SAFE,", "*_SAFE, \"-ffp-contract=fast\",", "mul", "float64",
         "a product and a sum are rounded together", "other bits",
         Named("test_seams", "test_values_do_not_depend_on_fusing", {"float_dtype": "float64"})),
    _row(f"{_CGEN}.toolchain:flags", "*_SAFE,", "*_SAFE, \"-ffinite-math-only\",", "isnan",
         "float64", "the compiler may take it that nothing is NaN", "special values"),
    # -- memory
    _row("tensorcore.lower.memory:lives", "for slot in reads | writes:", "for slot in writes:",
         "add", "float64", "a buffer is given away before it is read", "Not equal",
         Named("test_seams", "test_values_that_are_used_late")),
    _row("tensorcore.lower.memory:_maps_onto",
         "all(a._replace(slot=slot) == stores[0] for a in loads)",
         "True", "add",
         "float64", "a state is written over while it is read elsewhere", "Not equal",
         _state("test_updates_that_read_elsewhere", change="turned")),
    # -- the C runtime
    _row("memory.c", "if ((unsigned)a->head.refs != 1 || a->weak", "if (a->weak", "add", "float64",
         "an array is used again while its caller has it", "2.0 . k",
         _state("test_results_survive_later_calls")),
    _row("frame.c", "int good = CONTIGUOUS | ALIGNED;", "int good = ALIGNED;", "add", "float64",
         "strides of inputs are not looked at", "array_equal",
         _state("test_inputs_stay_as_they_are", layout="Fortran")),
    _row("frame.c", "a->descr->byteorder == FOREIGN || a->rank != port->rank || (a->flags",
         "a->rank != port->rank || (a->flags", "add", "float64",
         "the byte order of inputs is not looked at", "tolist", _state("test_foreign_byte_order")),
)  # fmt: skip
