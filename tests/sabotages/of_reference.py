"""Sabotages of the reference backend: one op computed otherwise in one respect, or one expression
of the interpreter."""

from __future__ import annotations

from .rows import Named, Sabotage, values


def _op(name: str, dtype: str, old: str, new: str, words: str, says: str, **rest: bool) -> Sabotage:
    """A sabotage of what an op computes."""
    where, caught = f"op {name}, reference", values(name, dtype, **rest)
    return Sabotage(words, "numpy_ref", where, old, new, name, dtype, caught, says)


def _interpreter(
    method: str, old: str, new: str, words: str, caught: Named, says: str, op: str = "add"
) -> Sabotage:
    where = f"tensorcore.interpret:Interpreter.{method}"
    return Sabotage(words, "numpy_ref", where, old, new, op, "float64", caught, says)


def _gradient(old: str, new: str, words: str, says: str) -> Sabotage:
    caught = Named("test_gradients", "test_gradient", {"op_name": "tanh"})
    where = "op tanh, gradient"
    return Sabotage(words, "numpy_ref", where, old, new, "tanh", "float64", caught, says)


OF_REFERENCE = (
    _op("maximum", "float64", "np.maximum(a, b)", "np.fmax(a, b)",
        "maximum is fmax", "expected nan.*special values"),
    _op("neg", "float64", "-a", "0 - a", "the negative of zero has no sign", "special values"),
    _op("neg", "float32", "-a", "np.where(np.abs(a) < 1e-38, 0 * a, -a)",
        "subnormals are flushed", "special values"),
    _op("exp", "float64", "np.exp(a)", "np.minimum(np.exp(a), np.finfo(a.dtype).max)",
        "infinity is clipped", "expected inf.*special values"),
    _op("sqrt", "float32", "y", "np.nextafter(y, 0 * y)",
        "one unit in the last place too small", "must be equal"),
    _op("exp", "float64", "y", "np.exp(a.astype('float32'))",
        "a float64 function in float32", "ULP"),
    _op("add", "int8", "a + b", "np.clip(np.add(a, b, dtype='int64'), -128, 127)",
        "integers saturate", "special values.*whole range"),
    _op("lt", "uint8", "a < b", "a.view('int8') < b.view('int8')",
        "unsigned integers are read as signed", "special values"),
    _op("int_div", "int64", "y", "np.where(b == 0, 0, np.trunc(a / np.where(b == 0, 1, b)))",
        "integers divide through floats, towards zero", "special values"),
    _op("mod", "float64", "np.mod(a, b)", "np.where(b == 0, np.nan, a - b * np.floor(a / b))",
        "the remainder by its definition", "special values"),
    _op("round_half_to_even", "float64", "np.round(a)", "np.floor(a + 0.5)",
        "halves are rounded up", "special values"),
    _op("reduce_argmax", "float64", "np.argmax(a, axes[0])",
        "a.shape[axes[0]] - 1 - np.argmax(np.flip(a, axes[0]), axes[0])",
        "the last of equal entries", "found"),
    _op("reduce_argmax", "float64", "np.argmax(a, axes[0])",
        "np.argmax(np.where(np.isnan(a), -np.inf, a), axes[0])",
        "the place of the largest entry passes over NaN", "special values"),
    _op("reduce_sum", "float64", "np.sum(a, axes)", "np.nansum(a, axes)",
        "a sum passes over NaN", "special values"),
    _op("reduce_sum", "float32", "y",
        "np.take(np.cumsum(a, axes[0]), -1, axes[0]) if y.ndim and a.size else y",
        "a sum adds one after the other", "one value"),
    _op("reduce_max", "int8", "np.max(a, axes)", "np.max(a, axes, initial=0)",
        "a maximum starts from zero", "whole range|special values|shape"),
    _op("reduce_prod", "int64", "np.prod(a, axes)", "np.prod(a.astype('float64'), axes)",
        "a product of integers goes through floats", "whole range|special values"),
    _op("argsort", "float64", "np.argsort(a, stable=True)",
        "np.argsort(-a, stable=True)[..., ::-1]",
        "equal entries are sorted in turned order", "found"),
    _op("argsort", "float64", "np.argsort(a, stable=True)",
        "np.argsort(np.where(np.isnan(a), -np.inf, a), stable=True)",
        "NaN is sorted before the numbers", "found"),
    _interpreter("_own", "if not fresh:", "if False:", "results are the inputs themselves",
                 Named("test_state", "test_results_share_no_memory"), "shares memory"),
    _interpreter("_own", "fresh = value.base is None and value.flags.c_contiguous", "fresh = True",
                 "a view of an input counts as new", values("dimshuffle", "float64"),
                 "shares memory", "dimshuffle"),
    _interpreter("__call__", "buffers: list[Any] = [None] * len(program.slots)",
                 "buffers = self.__dict__.setdefault('kept', [None] * len(program.slots))",
                 "threads share the buffers", Named("test_threads", "test_distinct_inputs"),
                 "wrong|Error"),
    _op("mul", "float32", "a * b", "a * b + 0 * a * a", "the product of zeros has no sign",
        "special values"),
    _op("tanh", "float64", "y", "y + 8 * np.spacing(np.abs(y))", "8 units in the last place off",
        "off by 8"),
    _gradient("1 - y * y", "1 - y * abs(y)", "a slope is right for positive numbers", "tanh"),
    _gradient("g * (1 - y * y)", "g * g * (1 - y * y)", "a gradient that is not linear", "tanh"),
)  # fmt: skip
