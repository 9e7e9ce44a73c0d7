"""``python -m tensorcore``."""

from .cli import main

raise SystemExit(main())
