"""Watch that the published pulse is the one that should be there; report when that changes, not every time it is so.

The sensor looks every 30 seconds and never acts. Its cursor holds the calendars that were late when it last reported;
the run key names the state with its sessions, so that a lost cursor or a repeated tick starts no second run.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg
from pydantic import Field

from resources.dagster_wiring import ClockResource, PulseStoreResource
from resources.settings import current_settings

__all__ = [
    "PULSE_FRESHNESS",
    "PulseFreshness",
    "StalePulseConfig",
    "assess_freshness",
    "report_stale_pulse",
    "stale_pulse_sensor",
]

PULSE_FRESHNESS = dg.AssetSpec(
    dg.AssetKey(["exec", "pulse_freshness"]),
    group_name="execution",
    owners=["team:execution"],
    description="Whether the published pulse of each trading calendar is the newest that should be there; observed on change.",
)


@dataclass(frozen=True, slots=True)
class PulseFreshness:
    """Newest published and expected session of each calendar that was ever published."""

    newest: Mapping[str, date]
    expected: Mapping[str, date]

    @property
    def late(self) -> tuple[str, ...]:
        """Calendars whose expected session has not been published, sorted."""
        return tuple(sorted(name for name, day in self.newest.items() if day < self.expected[name]))

    def text(self) -> str:
        """Figures for people: ``XNYS has 2026-11-19, expected 2026-11-20``."""
        return "; ".join(
            f"{name} has {self.newest[name]}, expected {self.expected[name]}" for name in sorted(self.newest)
        )

    def run_key(self) -> str:
        """Name of this state: which calendars are late, what they have and what they should have."""
        state = [f"{name}:{self.newest[name]}<{self.expected[name]}" for name in self.late] or [
            f"all:{max(self.newest.values())}"
        ]
        return f"{'late' if self.late else 'fresh'}/{','.join(state)}"


def assess_freshness(newest: Mapping[str, date], now: datetime, grace: timedelta) -> PulseFreshness:
    """Compare the newest published session of each calendar with the one expected at ``now`` (aware)."""
    from resources.expected_session import expected_session

    return PulseFreshness(dict(newest), {calendar: expected_session(calendar, now, grace) for calendar in newest})


class StalePulseConfig(dg.Config):
    """The state to report, as the sensor saw it."""

    late: list[str] = Field(description="Calendars whose expected session is missing; empty when all are there again.")
    figures: str = Field(description="Newest and expected session of each calendar.")


@dg.op(tags={"team": "execution"})
def record_stale_pulse(context: dg.OpExecutionContext, config: StalePulseConfig) -> None:
    """Log the state and record it as an observation of ``exec/pulse_freshness``."""
    if config.late:
        context.log.warning(f"published pulse is late for {', '.join(config.late)}: {config.figures}")
    else:
        context.log.info(f"published pulse is there again: {config.figures}")
    context.log_event(
        dg.AssetObservation(
            PULSE_FRESHNESS.key,
            description="late" if config.late else "fresh",
            metadata={
                "late_calendars": len(config.late),
                "late": ", ".join(config.late) or "none",
                "figures": config.figures,
            },
        )
    )


@dg.job(
    executor_def=dg.in_process_executor, description="Record that the published pulse became late, or is there again."
)
def report_stale_pulse() -> None:
    """Record one change of state."""
    record_stale_pulse()


@dg.sensor(
    job=report_stale_pulse,
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Compares the newest published session of each calendar with the expected one; reports a change of state once.",
)
def stale_pulse_sensor(
    context: dg.SensorEvaluationContext, store: PulseStoreResource, clock: ClockResource
) -> dg.SensorResult | dg.SkipReason:
    """Look, compare with what was last reported, and report only a change."""
    newest = store.store().newest_sessions()
    if not newest:
        return dg.SkipReason("nothing has been published yet; expected after the first run of job daily_pulse")
    found = assess_freshness(newest, clock.now(), current_settings().publish_grace)
    reported = tuple(json.loads(context.cursor)["late"]) if context.cursor else ()
    if found.late == reported:
        state = f"late as reported: {', '.join(found.late)}" if found.late else "fresh"
        return dg.SkipReason(f"{state}; {found.text()}")
    config = dg.RunConfig(ops={"record_stale_pulse": StalePulseConfig(late=list(found.late), figures=found.text())})
    return dg.SensorResult(
        run_requests=[dg.RunRequest(run_key=found.run_key(), run_config=config, tags={"team": "execution"})],
        cursor=json.dumps({"late": list(found.late)}),
    )
