"""Run jobs of one code location over ranges of days in one process: ``python -m <location>.run_days PLAN.json``.

The plan is a list of ``{"job", "start", "end"}`` (UTC days, inclusive), with ``"config"`` where the job is not to run with its
defaults (as the launchpad takes it). Each becomes an ordinary Dagster run of the
configured instance, so that the UI shows it like any other. One JSON line is printed before and after each run.
"""

import atexit
import gc
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.execute_in_process import core_execute_in_process
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
)

from liquidity.domain.errors import ConfigError

__all__ = ["run_plan", "run_range"]

_STATEMENT_TIMEOUT_MS = 60_000


def run_range(
    instance: dg.DagsterInstance,
    job: str,
    start: str,
    end: str,
    *,
    definitions: dg.Definitions,
    run_config: Mapping[str, Any] | None = None,
) -> dg.ExecuteInProcessResult:
    """Materialise the job's assets for the days ``start`` to ``end`` as one run.

    Parameters
    ----------
    definitions
        Where the job is taken from, with its resources.
    run_config
        As the launchpad takes it, for example ``{"ops": {"scores": {"config": {"profile": "bondx_v1"}}}}``.
    """
    # What ``execute_in_process`` does, but for keeping every table of the run in memory until its end.
    return core_execute_in_process(
        job=InMemoryJob(job_def=definitions.resolve_job_def(job).as_ephemeral_job({}, {})),
        run_config=run_config or {},
        instance=instance,
        output_capturing_enabled=False,
        raise_on_error=False,
        run_tags={ASSET_PARTITION_RANGE_START_TAG: start, ASSET_PARTITION_RANGE_END_TAG: end, "trigger": "tour"},
    )


def run_plan(location: str, definitions: dg.Definitions, arguments: list[str]) -> int:
    """Run the plan named by the one argument; 0 when every run succeeded, 1 at the first that failed."""
    if len(arguments) != 1:
        raise ConfigError(f"usage: python -m {location}.run_days PLAN.json")
    plan = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    gc.freeze()  # what is imported stays: no collection looks at half a million objects again
    atexit.register(gc.freeze)  # nor does the interpreter at its end, which takes two seconds
    with dg.DagsterInstance.get() as instance:
        # By default Dagster's storage opens several connections for each event it writes; over thousands of partitions
        # that is a third of the run. This setting, made for its web server, keeps one open instead.
        instance.optimize_for_webserver(statement_timeout=_STATEMENT_TIMEOUT_MS, pool_recycle=3600, max_overflow=20)
        for number, step in enumerate(plan):
            _say({"event": "begin", "number": number, **step})
            result = run_range(
                instance,
                step["job"],
                step["start"],
                step["end"],
                definitions=definitions,
                run_config=step.get("config"),
            )
            failed = [
                {"step": event.step_key, "error": event.event_specific_data.error_display_string[:2000]}
                for event in result.all_events
                if event.is_step_failure
            ]
            _say(
                {"event": "end", "number": number, "success": result.success, "run_id": result.run_id, "failed": failed}
            )
            if not result.success:
                return 1
    return 0


def _say(message: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()
