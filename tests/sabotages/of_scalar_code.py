"""Sabotages of generated C: the scalar code of one op, or of a function that it calls."""

from __future__ import annotations

from typing import Any

from .rows import Named, Sabotage, values


def _c(
    name: str,
    dtype: str,
    old: str,
    new: str,
    words: str,
    says: str = "special values",
    full: bool = False,
) -> Sabotage:
    """A sabotage of an op's scalar code."""
    caught = values(name, dtype, full)
    return Sabotage(words, "cgen", f"op {name}, c", old, new, name, dtype, caught, says)


def _prelude(
    function: str,
    kind: str,
    name: str,
    dtype: str,
    old: str,
    new: str,
    words: str,
    says: str = "special values",
    full: bool = False,
    attrs: Any = None,
) -> Sabotage:
    where, caught = f"prelude {function}, {kind}", values(name, dtype, full)
    return Sabotage(words, "cgen", where, old, new, name, dtype, caught, says, attrs)


def _printed(
    method: str,
    old: str,
    new: str,
    name: str,
    dtype: str,
    words: str,
    says: str,
    full: bool = False,
    attrs: Any = None,
    caught: Named | None = None,
) -> Sabotage:
    where = f"tensorcore.codegen.render:KernelPrinter.{method}"
    test = caught or values(name, dtype, full)
    return Sabotage(words, "cgen", where, old, new, name, dtype, test, says, attrs)


OF_SCALAR_CODE = (
    _c("maximum", "float64", "|| {0} != {0}", "|| {1} != {1}", "maximum drops a NaN in front"),
    _c("neg", "float64", "-{0}", "0 - {0}", "the negative is zero minus the number"),
    _c("copysign", "float32", "copysign@({0}, {1})", "({1} < 0 ? -fabs@({0}) : fabs@({0}))",
       "the sign is read by comparing with zero"),
    _c("signbit", "float64", "copysign@((#)1, {0}) < 0", "{0} < 0", "minus zero has no sign bit"),
    _c("round_half_to_even", "float64", "rint@({0})", "round@({0})", "halves go away from zero"),
    _c("trunc", "float64", "trunc@({0})", "floor@({0} + ({0} < 0))",
       "negative whole numbers are truncated to the next"),
    _c("hypot", "float64", "hypot@({0}, {1})", "sqrt@({0} * {0} + {1} * {1})",
       "the hypotenuse squares its sides"),
    _c("expm1", "float64", "expm1@({0})", "(exp@({0}) - 1)", "exp(x) - 1 near zero"),
    _c("le", "float64", "{0} <= {1}", "{0} < {1}", "not greater is taken for less"),
    _c("switch", "float64", "({0} ? {1} : {2})", "({0} * {1} + !{0} * {2})",
       "a choice by multiplying with 0 and 1"),
    _c("isfinite", "float32", "{0} - {0} == 0", "fabs@({0}) < 3e38f",
       "large numbers count as infinite"),
    _c("sgn", "float64", "({0} != {0} ? {0} : ({0} > 0) - ({0} < 0))", "(({0} > 0) - ({0} < 0))",
       "the sign of NaN is 0"),
    _prelude("tc_floordiv", "i", "int_div", "int64", "((a % b != 0) & ((a < 0) != (b < 0)))", "0",
             "integers are divided towards zero"),
    _prelude("tc_floordiv", "i", "int_div", "int8", "return (T)(0 - (U)a);",
             "return (T)(a == -a ? a : -a < 128 ? -a : 127);", "-128 / -1 saturates"),
    _prelude("tc_floordiv", "u", "int_div", "uint64", "(T)(a / b)", "(T)((i64)a / (i64)b)",
             "unsigned integers are divided as signed ones"),
    _prelude("tc_mod", "i", "mod", "int32", "(m != 0 && (m < 0) != (b < 0) ? b : 0)", "0",
             "the remainder of integers has the sign of the dividend"),
    _prelude("tc_mod", "f", "mod", "float64", "return copysign@((T)0, b);", "return m;",
             "a remainder of zero has the sign of the dividend"),
    _prelude("tc_pow", "i", "pow", "int64", "(b % 2 == 0 ? 1 : -1)", "1",
             "-1 to a negative odd power is 1"),
    _prelude("tc_shift_left", "i", "left_shift", "int64",
             "(u64)b < 8 * sizeof(T) ? (T)((U)a << b) : 0",
             "(T)((U)a << (b & (8 * sizeof(T) - 1)))", "shift counts wrap around at the width"),
    _prelude("tc_shift_right", "i", "right_shift", "int16", "(T)(a < 0 ? -1 : 0)", "0",
             "a negative number shifted out is 0"),
    _prelude("tc_div", "c", "true_div", "complex128", "if (x >= y) {", "if (x >= 0) {",
             "complex division by the real part", "special values"),
    _prelude("tc_div", "c", "true_div", "complex64", "s = 1 / (b.re + b.im * t);",
             "s = b.re / (b.re * b.re + b.im * b.im);", "complex division squares the divisor"),
    _prelude("tc_eq", "c", "eq", "complex128", "a.re == b.re && a.im == b.im", "a.re == b.re",
             "complex numbers are equal when their real parts are"),
    _prelude("tc_sqrt", "c", "sqrt", "complex128", "copysign@(t * s, a.im)",
             "(a.im < 0 ? -t * s : t * s)", "the complex root does not see minus zero"),
    _prelude("tc_round", "f", "cast", "float64",
             "if ((T)v.number != x && x == x && !(v.bits & 1u))",
             "if (0)", "float64 becomes float16 in two roundings", "to float16, halfway", True,
             {"dtype": "float16"}),
    _printed("_cast", "return f\"{value} != 0\"", "return f\"(u8)({value})\"", "cast", "int64",
             "a bool is the low byte of the number", "to bool", attrs={"dtype": "float64"}),
    _printed("_cast", "return f\"{value} != 0\"", "return f\"({value} != 0) * 2\"", "cast",
             "float64",
             "true is 2 in memory", "neither 0 nor 1", attrs={"dtype": "float32"}),
    _printed("_cast", "f\"({self._type(target)}){value}\"",
             "f\"({self._type(target)})({value} < 0 ? 0 : {value})\" if target == 'uint8' "
             "else f\"({self._type(target)}){value}\"", "cast", "int64",
             "negative numbers become 0 as unsigned ones", "to uint8", True, {"dtype": "uint8"}),
    _printed("_instruction",
             "self._rounded(instr.dtype, text) if instr.template != \"{0}\" else text", "text",
             "add", "float16", "float16 is not rounded between two ops", "other bits",
             caught=Named("test_seams", "test_values_do_not_depend_on_fusing",
                          {"float_dtype": "float16"})),
    _printed("_number", "and np.signbit(np.float64(value))", "and False", "add", "float64",
             "the constant minus zero is zero", "became",
             caught=Named("test_seams", "test_numbers_in_expressions", {"dtype": "float64"})),
)  # fmt: skip
