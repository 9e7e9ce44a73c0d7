"""Updates that change few rows of a variable, written into its buffer where nobody else has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tensorcore
import tensorcore.tensor as T
from tensorcore import config
from tensorcore.devices.overwriting import Overwriting
from tensorcore.errors import OutOfRange

ROWS = np.array([4, -1, 4])
VALUES = np.arange(6.0).reshape(3, 2)


@pytest.fixture(autouse=True)
def on_threads(on_opencl: Any) -> Iterator[None]:
    """The device's work-items are threads of a processor."""
    with config.change_flags(**{"opencl.group": 1}):
        yield


@pytest.fixture
def table() -> Any:
    return tensorcore.shared(np.zeros((9, 2)), name="table")


@pytest.fixture
def add(table: Any) -> Any:
    """Adds rows to the table, and returns the sum of what it held before."""
    rows, values = T.lvector("rows"), T.dmatrix("values")
    updates = {table: T.inc_subtensor(table[rows], values)}
    return tensorcore.function([rows, values], table.sum(), updates=updates)


def added(times: int) -> np.ndarray:
    found = np.zeros((9, 2))
    for _ in range(times):
        np.add.at(found, ROWS, VALUES)
    return found


def test_the_buffer_stays_where_it_is(table: Any, add: Any) -> None:
    assert isinstance(add.executable, Overwriting)
    assert float(add(ROWS, VALUES)) == 0.0
    array, place = id(table.cell[0]), table.cell[0].buffer.int_ptr
    assert float(add(ROWS, VALUES)) == VALUES.sum()
    assert (id(table.cell[0]), table.cell[0].buffer.int_ptr) == (array, place)
    np.testing.assert_array_equal(table.get_value(), added(2))


def test_a_wrong_row_leaves_all_as_it_was(table: Any, add: Any) -> None:
    """Also the rows that come before it."""
    add(ROWS, VALUES)
    with pytest.raises(OutOfRange, match="9 on axis 0"):
        add(np.array([0, 9, 1]), VALUES + 1)
    np.testing.assert_array_equal(table.get_value(), added(1))
    add(ROWS, VALUES)
    np.testing.assert_array_equal(table.get_value(), added(2))


def test_what_others_hold_is_not_written_over(table: Any, add: Any) -> None:
    add(ROWS, VALUES)
    held = table.cell[0]
    add(ROWS, VALUES)
    assert table.cell[0] is not held
    np.testing.assert_array_equal(held.memory.get(held), added(1))
    np.testing.assert_array_equal(table.get_value(), added(2))


def test_a_reader_on_another_backend_sees_each_update(table: Any, add: Any) -> None:
    """It keeps a copy for as long as the buffer is the same."""
    read = tensorcore.function([], table * 1, backend="numpy_ref")
    for times in range(1, 4):
        add(ROWS, VALUES)
        np.testing.assert_array_equal(read(), added(times))


def test_memory_that_runs_out_changes_nothing(table: Any, add: Any) -> None:
    add(ROWS, VALUES)
    memory = table.memory
    memory.limit = memory.pool.active_bytes
    try:
        with pytest.raises(MemoryError):
            add(ROWS, VALUES)
    finally:
        memory.limit = None
    np.testing.assert_array_equal(table.get_value(), added(1))


def test_a_value_that_is_also_a_result_is_another_buffer(table: Any) -> None:
    rows = T.lvector("rows")
    changed = T.set_subtensor(table[rows], 7.0)
    f = tensorcore.function([rows], changed, updates={table: changed})
    first = f(ROWS)
    f(np.array([0]))
    assert first.sum() == 28.0
    assert table.get_value().sum() == 42.0
