"""The suite for a test file of one's own: ``from tensorcore_conformance.suite import *``.

The backend is the one that ``--tensorcore-backend`` names, best in the ``addopts`` of the
project's pytest settings; all options of the suite hold.
"""

from .collecting import Suite

__all__ = ["conformance"]

#: Where pytest meets this name in a test file, it collects the whole suite in its place.
conformance = Suite()
