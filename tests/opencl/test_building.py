"""How programs are built: what texts declare, and what is built once for all."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tensorcore_opencl import build as building
from tensorcore_opencl.declarations import SKIPPED, declared
from vocabulary import vocabulary

import tensorcore
import tensorcore.tensor as T
from tensorcore import config


@pytest.fixture
def device(on_opencl: Any) -> Any:
    """The device that is used where none is named."""
    return on_opencl.device


@pytest.fixture
def portable(device: Any, monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[str], str]]:
    """The options and texts that PoCL is given."""
    if not device.facts.portable:
        pytest.skip("the device is not PoCL's")
    given: list[tuple[list[str], str]] = []
    real = building._compiled

    def compiled(device: Any, source: str, flags: list[str]) -> Any:
        given.append((flags, source))
        return real(device, source, flags)

    monkeypatch.setattr(building, "_compiled", compiled)
    return given


@pytest.mark.parametrize("group", [1, 8])
def test_our_texts_declare_all_that_they_use(portable: Any, group: int) -> None:
    with config.change_flags(**{"opencl.group": group}):
        vocabulary()
    x = T.TensorType("float16", (False,))("x")
    z = T.zvector("z")
    tensorcore.function([x, z], [T.exp(x), T.erf(x) + T.gammaln(x), T.tan(z), T.log(z)])
    assert portable
    assert all(SKIPPED in flags for flags, _ in portable)


def test_every_function_that_is_declared_is_one_of_the_drivers(portable: Any, device: Any) -> None:
    """Its name in the driver's library comes from the types that we declare."""
    from tensorcore_opencl.declarations import _BINARY, _TERNARY, _UNARY

    calls = [f"{name}(x)" for name in _UNARY.split()]
    calls += [f"{name}(x, x)" for name in _BINARY.split()]
    calls += [f"{name}(x, x, x)" for name in _TERNARY.split()]
    text = "".join(
        f"kernel void k0_{t}(global {t} *r) {{ const {t} x = r[0]; r[1] = {' + '.join(calls)}; }}\n"
        for t in ("f32", "f64")
    )
    building.build(device, text)
    assert [SKIPPED in flags for flags, _ in portable] == [True]


def test_what_is_not_declared_comes_from_the_header(portable: Any, device: Any) -> None:
    assert declared("int x = popcount(y) + tc_own(y);", True) is None
    text = "kernel void k0_0(global i32 *x, const i64 n) { x[0] = popcount((i32)n); }\n"
    made = building.build(device, text)
    assert [SKIPPED in flags for flags, _ in portable] == [False]
    room = device.memory.empty((), np.dtype(np.int32))
    made.entry("k0_0").launch([room.buffer], [np.int64(7)], 1, 1)
    assert int(room) == 3


def test_products_are_built_once(device: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = []
    real = building.build
    monkeypatch.setattr(building, "build", lambda *given: texts.append(given[1]) or real(*given))
    x = T.fmatrix("x")
    functions = [tensorcore.function([x], T.dot(x, x + k)) for k in range(3)]
    assert sum("void tc_product_" in text for text in texts) <= 1
    a = np.arange(6, dtype="float32").reshape(2, 3)[:, :2]
    for k, f in enumerate(functions):
        np.testing.assert_array_equal(f(a), a @ (a + k))
    alone = tensorcore.function([x], T.dot(x, x))
    assert alone.executable.notes()["compiled code"] == "shared with other functions"
    np.testing.assert_array_equal(alone(a), a @ a)


def test_the_report_says_what_comes_to_the_host(device: Any) -> None:
    x, n = T.dmatrix("x"), T.lscalar("n")
    plain = tensorcore.function([x], T.exp(x).sum()).report()
    assert plain.making["between host and device"] == "arguments and results alone"
    y = tensorcore.ifelse(x.sum() > 0, T.nlinalg.matrix_inverse(x), x)
    crossed = tensorcore.function([x, n], [y, x[n:] * 2]).report().making["between host and device"]
    assert "reads its condition" in crossed
    assert "computes matrix_inverse on the host" in crossed
    assert "reads sizes" in crossed
