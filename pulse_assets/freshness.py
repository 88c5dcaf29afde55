"""When the published tables count as late.

A table that crypto feeds must be renewed each day, two hours after the UTC day ended; a table that only bonds,
auctions and agencies feed is due after weekdays, because those markets rest at weekends. What is late *within* a market is said by the ages in the rows, which
count open hours only.
"""

from collections.abc import Sequence
from datetime import timedelta

import dagster as dg

from liquidity.contracts import ALT_SIGNALS, AUCTION_MM, MACRO_SERIES, SENTIMENT

__all__ = ["with_freshness"]

# Only bonds and public agencies feed these; what their markets said on Friday is due on Saturday, then on Tuesday.
_WEEKDAY_TABLES = {contract.asset_path for contract in (ALT_SIGNALS, AUCTION_MM, SENTIMENT, MACRO_SERIES)}
_EVERY_DAY = dg.FreshnessPolicy.cron("0 2 * * *", lower_bound_delta=timedelta(hours=24), timezone="UTC")
_AFTER_WEEKDAYS = dg.FreshnessPolicy.cron("0 2 * * 2-6", lower_bound_delta=timedelta(hours=24), timezone="UTC")


def with_freshness(assets: Sequence[dg.AssetsDefinition]) -> list[dg.AssetsDefinition]:
    """The same assets with a freshness policy on each table: due after each weekday, or after every day."""
    return [definition.map_asset_specs(_due) for definition in assets]


def _due(spec: dg.AssetSpec) -> dg.AssetSpec:
    return dg.apply_freshness_policy(spec, _AFTER_WEEKDAYS if tuple(spec.key.path) in _WEEKDAY_TABLES else _EVERY_DAY)
