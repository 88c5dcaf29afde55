"""The days of a run: one partition in daily use, many in a backfill, handled by the same asset code."""

from datetime import date

import dagster as dg

__all__ = ["run_sessions"]


def run_sessions(context: dg.AssetExecutionContext) -> list[date]:
    """UTC days that this run materialises, ascending."""
    return sorted(date.fromisoformat(key) for key in context.partition_keys)
