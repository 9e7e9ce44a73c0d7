"""How a test file elsewhere comes to hold all tests of the suite."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

_HERE = Path(__file__).resolve().parent


class Suite:
    """Stands for all tests of the suite; the plugin recognises it."""

    def collected(self, parent: pytest.Collector, name: str) -> pytest.Collector:
        """The node under which the test file ``parent`` holds them."""
        made: pytest.Collector = _Suite.from_parent(parent, name=name)
        return made


class _Suite(pytest.Collector):
    """The modules of the suite, as if pytest had found them in their folder."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One node a module. The fixtures come first: here no folder brings its conftest.py."""
        manager = self.config.pluginmanager
        rules = import_module(f"{__package__}.conftest")
        if not manager.is_registered(rules):
            manager.register(rules, rules.__name__)
        for path in sorted(_HERE.glob("test_*.py")):
            if not rules.pytest_ignore_collect(path, self.config):
                yield pytest.Module.from_parent(self, path=path)
