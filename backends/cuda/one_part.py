"""A plugin for pytest: of all tests those of one part, as ``GPU_CHECK_PART=2/6`` says. Which part a
test is in follows from its name; the others count as not asked for."""

from __future__ import annotations

import os
import zlib

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the other parts."""
    number, parts = map(int, os.environ["GPU_CHECK_PART"].split("/"))
    others = [i for i in items if zlib.crc32(i.nodeid.encode()) % parts != number]
    config.hook.pytest_deselected(items=others)
    left_out = set(map(id, others))
    items[:] = [item for item in items if id(item) not in left_out]
