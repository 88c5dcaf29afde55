"""When the published tables count as late.

Bonds rest on weekends while crypto does not, and one UTC day holds both, so the tables must be renewed each day by
the close of the around-the-clock markets. What is late *within* a market is said by the ages in the rows, which
count open hours only.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

__all__ = ["with_freshness"]

_POLICY = dg.FreshnessPolicy.cron(deadline_cron="0 2 * * *", lower_bound_delta=timedelta(hours=24), timezone="UTC")


def with_freshness(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The same assets with the daily freshness policy on each table."""
    return [definition.map_asset_specs(lambda spec: dg.apply_freshness_policy(spec, _POLICY)) for definition in assets]
