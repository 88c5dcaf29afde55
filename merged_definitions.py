"""All three code locations as one, for tests and small machines: half the memory, one code server.

``pulse dev --small`` opens the UI on it. A location names the tables it reads from others as plain specs; beside their
owner these go. Nothing imports this module: the locations stay strangers to each other.
"""

import dagster as dg

import execution_jobs.definitions
import pulse_assets.definitions
import risk_assets.definitions

__all__ = ["defs", "merge"]


def merge(*parts: dg.Definitions) -> dg.Definitions:
    """One ``Definitions`` out of several locations; a spec of a table that another location makes is left out."""
    assets = [asset for part in parts for asset in part.assets or ()]
    made = {key for asset in assets if isinstance(asset, dg.AssetsDefinition) for key in asset.keys}
    return dg.Definitions(
        assets=[asset for asset in assets if not (isinstance(asset, dg.AssetSpec) and asset.key in made)],
        asset_checks=[check for part in parts for check in part.asset_checks or ()],
        jobs=[job for part in parts for job in part.jobs or ()],
        schedules=[schedule for part in parts for schedule in part.schedules or ()],
        sensors=[sensor for part in parts for sensor in part.sensors or ()],
        resources={name: resource for part in parts for name, resource in (part.resources or {}).items()},
        executor=dg.in_process_executor,
    )


defs = merge(pulse_assets.definitions.defs, risk_assets.definitions.defs, execution_jobs.definitions.defs)
