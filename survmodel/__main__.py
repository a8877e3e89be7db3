"""``python -m survmodel`` is the command ``survmodel``."""

from __future__ import annotations

import sys

from survmodel.cli import main

if __name__ == "__main__":
    sys.exit(main())
