"""Run jobs of this location over ranges of days in one process: ``python -m risk_assets.run_days PLAN.json``.

What a plan holds is told in ``io_managers/run_days.py``.
"""

import sys

from io_managers.run_days import run_plan
from risk_assets.definitions import defs

__all__ = ["main"]


def main(arguments: list[str]) -> int:
    """Run the plan; 0 when every run succeeded, 1 at the first that failed."""
    return run_plan("risk_assets", defs, arguments)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
