"""Pickles, copies and the safe format of expressions, shared variables and functions."""

from __future__ import annotations

import copy
import io
import json
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import function, grad, ifelse, load, save, scan, shared
from tensorcore.node import Tensor
from tensorcore.printing import Print, debugprint
from tensorcore.tensor.shared_randomstreams import RandomStreams


def through_pickle(obj: Any) -> Any:
    return pickle.loads(pickle.dumps(obj))


def through_file(obj: Any) -> Any:
    file = io.BytesIO()
    save(file, obj)
    file.seek(0)
    return load(file)


each_way = pytest.mark.parametrize("through", [through_pickle, through_file])


def model() -> tuple[Tensor, Any, Tensor, Tensor]:
    x, w = T.dmatrix("x"), shared(np.arange(6.0).reshape(3, 2), "w")
    rows, _ = scan(lambda r, s: T.tanh(T.dot(r, w)) + s, sequences=x, outputs_info=T.zeros(2))
    part = x[1:, ::-1].sum() + x[x > 2].sum() + T.set_subtensor(x[0, [1, 2]], 7.0).sum()
    cost = ifelse(T.gt(part, 0), (rows**2).mean() + part, part)
    return x, w, rows, cost


@each_way
def test_expressions_come_back_with_what_they_share(through: Any, each_backend: str) -> None:
    x, w, rows, cost = model()
    x2, w2, rows2, cost2 = through([x, w, rows, cost])
    assert debugprint(cost, file="str") == debugprint(cost2, file="str")
    assert w2.name == "w" and w2 is not w
    value = np.linspace(-1, 4, 6).reshape(2, 3)
    expected = function([x], [rows, cost, grad(cost, w)])(value)
    found = function([x2], [rows2, cost2, grad(cost2, w2)])(value)
    for a, b in zip(expected, found, strict=True):
        np.testing.assert_array_equal(a, b)
    w2.set_value(np.zeros((3, 2)))
    assert w.get_value().sum() == 15.0


@each_way
def test_an_intermediate_stays_the_one_that_is_inside(through: Any, on_reference: None) -> None:
    x = T.dvector("x")
    hidden = x * 3
    cost = (hidden**2).sum()
    x, hidden, cost = through((x, hidden, cost))
    assert function([x], grad(cost, hidden))([1.0]).tolist() == [6.0]


@each_way
def test_functions_are_compiled_where_they_are_opened(through: Any, each_backend: str) -> None:
    x, w = T.dvector("x"), shared(np.ones(2), "w")
    step = T.dscalar("step")
    cost = ((x - w) ** 2).sum()
    f = function(
        [x, tensorcore.In(step, value=0.25)], cost, updates={w: w - step * grad(cost, w)}, name="f"
    )
    g = through(f)
    assert g.name == "f" and g.backend == each_backend
    assert g([3.0, 1.0]) == 4.0 and g(np.array([3.0, 1.0]), step=0.0) == 1.0
    assert w.get_value().tolist() == [1.0, 1.0]
    nothing = through(function([], updates={w: w + 1}))
    assert nothing() == []
    assert [r.tolist() for r in through(function([x], [x, x + 1]))([1.0])] == [[1.0], [2.0]]


@each_way
def test_random_streams_go_on_where_they_were(through: Any, on_reference: None) -> None:
    draw = RandomStreams(5).normal((3,))
    f = function([], draw)
    f()
    g = through(f)
    assert g().tolist() == f().tolist() != f().tolist()


@each_way
def test_values_of_all_kinds(through: Any) -> None:
    given = {
        "a": [1, 2.5, float("inf"), 1 + 2j, None, True, "text", (1, (2,))], 3: np.float32(0.1),
        "b": np.array([[1, 2]], "int8"), "c": T.constant(np.arange(3.0)), "d": slice(1, None, 2),
    }  # fmt: skip
    found = through(given)
    assert found["a"] == given["a"] and found[3] == given[3] and found["d"] == given["d"]
    assert type(found[3]) is np.float32 and found["b"].dtype == "int8"
    assert found["c"].data.tolist() == [0.0, 1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        found["c"].data[0] = 1.0


def test_a_test_value_and_a_line_are_kept_by_pickle(on_reference: None) -> None:
    x = T.dvector("x")
    x.tag.test_value = np.ones(2)
    y = through_pickle(x + 1)
    assert y.inputs[0].tag.test_value.tolist() == [1.0, 1.0]
    assert y.origin[:2] == (x.origin[0], x.origin[1] + 2)


@each_way
def test_a_graph_deeper_than_the_stack(through: Any, on_reference: None) -> None:
    x = T.dscalar("x")
    y = x
    for _ in range(1_200):
        y = y * 1.0 + x
    x2, y2 = through([x, y])
    assert function([x2], y2)(1.0) == 1_201.0


def test_copies_of_functions(on_reference: None) -> None:
    total, other = shared(0, "total"), shared(100, "other")
    n = T.lscalar("n")
    f = function([n], total, updates={total: total + n})
    f(5)
    deep = copy.deepcopy(f)
    swapped = f.copy(swap={total: other})
    still = f.copy(delete_updates=True)
    assert (deep(1), deep(1), swapped(1), swapped(1)) == (5, 6, 100, 101)
    assert (still(1), still(1), int(total.get_value())) == (5, 5, 5)
    assert copy.copy(f)(2) == 5 and total.get_value() == 7


# -- the safe format ------------------------------------------------------------------------


def test_a_file_by_its_name_is_an_archive_of_arrays_and_json(tmp_path: Path) -> None:
    path = tmp_path / "model.tc"
    save(path, {"w": shared(np.ones(3), "w")})
    assert load(path)["w"].get_value().tolist() == [1.0] * 3
    with zipfile.ZipFile(path) as archive:
        assert sorted(archive.namelist()) == ["a0.npy", "graph.npy"]


def test_python_code_is_not_saved() -> None:
    with pytest.raises(TypeError, match="no form that is safe to load"):
        save(io.BytesIO(), Print("x")(T.dscalar()))
    with pytest.raises(TypeError, match="an array of object"):
        save(io.BytesIO(), np.array([print]))


def forged(change: Any) -> io.BytesIO:
    """A file that ``save`` has written, with its table changed."""
    file = io.BytesIO()
    save(file, T.exp(T.dvector("x")))
    file.seek(0)
    with np.load(file) as archive:
        table = json.loads(bytes(archive["graph"]))
    change(table)
    made = io.BytesIO()
    np.savez(made, graph=np.frombuffer(json.dumps(table).encode(), np.uint8))
    made.seek(0)
    return made


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t["nodes"][1].__setitem__(1, "system"), "there is no op 'system'"),
        (lambda t: t.update(format="other"), "its format is 'other'"),
        (lambda t: t["nodes"][1].__setitem__(2, [9]), "index"),
        (lambda t: t.update(root={"eval": "1"}), "eval"),
        (lambda t: t.pop("nodes"), "nodes"),
    ],
)
def test_a_file_that_was_tampered_with_is_refused(change: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        load(forged(change))


def test_a_pickle_inside_is_not_opened(tmp_path: Path) -> None:
    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "sprung",))

    file = io.BytesIO()
    np.savez(file, graph=np.array([Trap()], dtype=object))
    file.seek(0)
    with pytest.raises(ValueError, match="nothing that save has written"):
        load(file)
    assert not (tmp_path / "sprung").exists()
