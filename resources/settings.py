"""Every setting of the platform: unit, range, meaning. Read once, then handed on as values.

A value comes from, strongest first:

1. an argument of :func:`load_settings`,
2. the environment: ``PULSE_LAKE_DIR``, ``PULSE_RISK_THRESHOLDS__MIN_LIQUIDITY_SCORE``,
3. ``config/liquidity.yaml``, block ``liquidity:`` (another file by ``PULSE_CONFIG_FILE``),
4. the default written here.

A key nobody knows is refused wherever it stands. Read next: ``config/liquidity.yaml``.
"""

import difflib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, ValidationError, model_validator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from liquidity.domain.errors import ConfigError

if TYPE_CHECKING:  # feeds load pandas; settings are read by processes that do not need it
    from resources.feeds import FeedRoots

__all__ = [
    "CONFIG_FILE_VARIABLE",
    "ENV_PREFIX",
    "PROJECT_ROOT",
    "Cache",
    "ConfigLine",
    "EarlyWarning",
    "Execution",
    "Forecast",
    "Freshness",
    "Gate",
    "Logging",
    "Portfolio",
    "Publication",
    "Retention",
    "RiskThresholds",
    "Settings",
    "Sizing",
    "Tier",
    "Tiers",
    "Urgencies",
    "Urgency",
    "VenueAccount",
    "config_file",
    "config_lines",
    "current_settings",
    "load_settings",
    "settings_markdown",
    "show_config",
]

ENV_PREFIX: Final = "PULSE_"
CONFIG_FILE_VARIABLE: Final = "PULSE_CONFIG_FILE"
PROJECT_ROOT: Final = Path(__file__).resolve().parents[1]
_NESTED: Final = "__"
_BLOCK: Final = "liquidity"
_MASK: Final = "**********"
_PROFILE: Final = r"^[a-z][a-z0-9_]{1,39}$"
_DRIVER: Final = "postgresql+psycopg2://"


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - symbolic links stay as the user wrote them


def _postgres_url(url: SecretStr) -> SecretStr:
    """Name the driver that Dagster's storage needs; refuse other databases without repeating the value."""
    text = url.get_secret_value()
    for scheme in ("postgresql://", "postgres://"):
        if text.startswith(scheme):
            return SecretStr(_DRIVER + text.removeprefix(scheme))
    if not text.startswith(_DRIVER):
        raise ValueError(f"not a PostgreSQL address; write {_DRIVER}user:password@host:port/database")
    return url


Folder = Annotated[Path, AfterValidator(_absolute)]
PostgresUrl = Annotated[SecretStr, AfterValidator(_postgres_url)]


class _Group(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True, allow_inf_nan=False)


class RiskThresholds(_Group):
    """When an instrument counts as too illiquid."""

    min_liquidity_score: float = Field(
        default=30.0,
        ge=0,
        le=100,
        description="Smallest liquidity score at which orders may add risk [points 0-100, 100 is most liquid].",
    )
    max_spread_bps: float = Field(
        default=50.0, gt=0, le=10_000, description="Widest full spread at which orders may add risk [bps]."
    )


class Sizing(_Group):
    """How large an order or position may be."""

    max_order_adv_frac: float = Field(
        default=0.15, gt=0, le=1, description="Largest order as a share of average daily volume [frac 0-1]."
    )
    max_position_adv_frac: float = Field(
        default=0.10, gt=0, le=1, description="Largest position as a share of average daily volume [frac 0-1]."
    )


class Execution(_Group):
    """How orders are worked."""

    default_strategy: Literal["adaptive", "twap", "vwap", "pov", "shortfall"] = Field(
        default="adaptive", description="Schedule of a plan that names none."
    )
    max_participation_frac: float = Field(
        default=0.20, gt=0, le=1, description="Largest share of the market's volume while an order works [frac 0-1]."
    )
    slice_interval_s: int = Field(default=60, ge=1, le=86_400, description="Time between two slices [s].")


class Gate(_Group):
    """What an order needs before it may leave."""

    plan_required_above_adv_frac: float = Field(
        default=0.10,
        gt=0,
        le=1,
        description="Orders above this share of average daily volume need an execution plan [frac 0-1].",
    )


class Tier(_Group):
    """One liquidity tier."""

    min_adv_usd: float = Field(
        ...,
        gt=0,
        description="Smallest average daily volume of the tier; a value at the bound belongs to it [USD per day].",
    )
    max_order_adv_frac: float = Field(
        ..., gt=0, le=1, description="Order cap of the tier as a share of average daily volume [frac 0-1]."
    )


class Tiers(_Group):
    """Liquidity tiers by average daily volume; below the lowest, new risk is refused and exits are allowed."""

    high_liquidity: Tier = Tier(min_adv_usd=10_000_000.0, max_order_adv_frac=0.15)
    medium_liquidity: Tier = Tier(min_adv_usd=1_000_000.0, max_order_adv_frac=0.10)
    low_liquidity: Tier = Tier(min_adv_usd=100_000.0, max_order_adv_frac=0.05)

    @model_validator(mode="after")
    def _descending(self) -> Self:
        bounds = (self.high_liquidity.min_adv_usd, self.medium_liquidity.min_adv_usd, self.low_liquidity.min_adv_usd)
        if not bounds[0] > bounds[1] > bounds[2]:
            raise ValueError(f"min_adv_usd must fall from high to medium to low; found {bounds}")
        return self


class EarlyWarning(_Group):
    """When a deterioration alert is raised and when it ends."""

    fall_points: float = Field(
        default=20.0, gt=0, le=100, description="Fall of the liquidity score that raises an alert [points]."
    )
    clear_within_points: float = Field(
        default=10.0,
        ge=0,
        le=100,
        description="The alert ends when the score is back within this distance of its level before the fall [points].",
    )
    within_sessions: int = Field(
        default=3, ge=1, le=90, description="Sessions over which the fall is measured [sessions]."
    )

    @model_validator(mode="after")
    def _clears_below_raise(self) -> Self:
        if self.clear_within_points >= self.fall_points:
            raise ValueError(
                f"clear_within_points must be below fall_points; found {self.clear_within_points} and {self.fall_points}"
            )
        return self


class Publication(_Group):
    """What is kept of what was published."""

    retention_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Superseded publications older than this may be forgotten; null keeps all [days].",
    )


class Retention(_Group):
    """How long the database keeps market data; the lake is not touched."""

    order_book_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Book messages, snapshots and analyses older than this may be removed; null keeps all [days].",
    )
    trades_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Public trades older than this may be removed; null keeps all [days].",
    )
    derivatives_days: int | None = Field(
        default=None,
        ge=1,
        le=36_500,
        description="Funding, open interest and liquidations older than this may be removed; null keeps all [days].",
    )


class Freshness(_Group):
    """When a missing publication counts as late."""

    publish_grace_s: int = Field(
        default=21_600,
        ge=0,
        le=604_800,
        description="Time after the end of a session's UTC day until its pulse is expected [s].",
    )


class Forecast(_Group):
    """How forecasts are trained and judged."""

    train_days: int = Field(default=730, ge=90, le=3_650, description="History that a training reads [calendar days].")
    train_instruments: int = Field(
        default=4_000,
        ge=20,
        le=100_000,
        description="Instruments of a market that a training reads at most; of more, an even share by name [instruments].",
    )
    seed: int = Field(
        default=7, ge=0, le=2**32 - 1, description="Seed of every draw and fit; the same seed gives the same model [1]."
    )
    retrain_after_sessions: int = Field(
        default=20, ge=5, le=1_000, description="Age at which a served model is trained anew [sessions]."
    )
    accuracy_window_sessions: int = Field(
        default=60, ge=5, le=60, description="Sessions of the track record; coverage is judged over it [sessions]."
    )


class Portfolio(_Group):
    """What a portfolio's liquidity may be, and how statements of holdings are read."""

    max_statement_age_days: int = Field(
        default=7, ge=0, le=366, description="Age up to which a statement of holdings or a rate stands [calendar days]."
    )
    max_price_age_sessions: int = Field(
        default=5, ge=0, le=250, description="Oldest price that still values a position [sessions]."
    )
    illiquid_after_sessions: int = Field(
        default=10, ge=1, le=250, description="What cannot be sold within these sessions counts as illiquid [sessions]."
    )
    max_illiquid_frac: float = Field(
        default=0.20, ge=0, le=1, description="Largest illiquid share of the portfolio's value [frac 0-1]."
    )
    min_daily_liquidatable_frac: float = Field(
        default=0.50, ge=0, le=1, description="Smallest share of the value that can be sold in one session [frac 0-1]."
    )
    liquidation_target_frac: float = Field(
        default=0.90, gt=0, le=1, description="Share of the value that must be saleable in time [frac 0-1]."
    )
    max_liquidation_sessions: int = Field(
        default=10, ge=1, le=250, description="Time in which that share must be saleable [sessions]."
    )
    max_exit_cost_bps: float = Field(
        default=200.0, gt=0, le=10_000, description="Largest cost of selling it in that time [bps of the value sold]."
    )
    min_portfolio_score: float = Field(
        default=30.0, ge=0, le=100, description="Smallest value-weighted liquidity score [points 0-100, 100 is liquid]."
    )
    max_position_frac: float = Field(
        default=0.10, gt=0, le=1, description="Largest position as a share of the portfolio's value [frac 0-1]."
    )
    max_issuer_frac: float = Field(
        default=0.20,
        gt=0,
        le=1,
        description="Largest issuer that is no sovereign, as a share of the portfolio's value [frac 0-1].",
    )
    stress_spread_mult: float = Field(default=2.0, ge=1, le=100, description="Spreads of the stressed ladder [times].")
    stress_volume_haircut_frac: float = Field(
        default=0.5, ge=0, lt=1, description="Volume that is lost in the stressed ladder [frac 0-1]."
    )
    stress_depth_haircut_frac: float = Field(
        default=0.3, ge=0, lt=1, description="Depth that is lost in the stressed ladder [frac 0-1]."
    )
    stress_vol_mult: float = Field(default=1.5, ge=1, le=100, description="Volatility of the stressed ladder [times].")


class Regulation(_Group):
    """Thresholds of the report packs; their sources and dates are in liquidity/regulation/thresholds.py."""

    sec_max_illiquid_frac: float = Field(
        default=0.15, ge=0, le=1, description="Largest illiquid share of net assets, SEC 22e-4 [frac 0-1]."
    )
    sec_min_highly_liquid_frac: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Highly liquid investment minimum of the fund, share of net assets [frac 0-1].",
    )
    sec_anticipated_trade_frac: float = Field(
        default=0.1, ge=0, le=1, description="Reasonably anticipated trade, share of each position [frac 0-1]."
    )
    sec_value_impact_bps: float = Field(
        default=100.0,
        ge=0,
        le=10000,
        description="Impact up to which a sale does not significantly change the value [bps].",
    )
    esma_min_coverage_ratio: float = Field(
        default=1.0, ge=0, le=100, description="Smallest redemption coverage, money over redemption [ratio]."
    )
    esma_redemption_frac: float = Field(
        default=0.1, ge=0, le=1, description="Assumed redemption, share of net assets [frac 0-1]."
    )
    esma_notice_sessions: float = Field(
        default=5.0, ge=1, le=60, description="Sessions in which a redemption must be paid [sessions]."
    )
    sebi_min_liquid_frac: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Smallest share of cash and government securities in net assets [frac 0-1].",
    )
    sebi_min_lr_ratio: float = Field(
        default=1.0, ge=0, le=100, description="Smallest liquid assets over (conditional) redemption at risk [ratio]."
    )
    sebi_confidence: float = Field(
        default=0.95, ge=0.5, le=0.999, description="Level of redemption at risk [frac 0-1]."
    )
    sebi_horizon_sessions: float = Field(
        default=20.0, ge=1, le=60, description="Sessions over which redemptions are added up [sessions]."
    )
    sebi_participation_frac: float = Field(
        default=0.1, ge=0.001, le=1, description="Share of volume for the days to liquidate [frac 0-1]."
    )
    frtb_confidence: float = Field(
        default=0.975, ge=0.5, le=0.999, description="Level of the expected shortfall [frac 0-1]."
    )
    frtb_base_sessions: float = Field(
        default=10.0, ge=1, le=20, description="Base horizon of the expected shortfall [sessions]."
    )
    frtb_max_exceptions_99: float = Field(
        default=12.0,
        ge=0,
        le=250,
        description="Exceptions of the 99 % value at risk allowed in 250 sessions [sessions].",
    )
    frtb_min_prices: float = Field(
        default=100.0,
        ge=0,
        le=365,
        description="Own prices in a year from which a risk factor can be modelled [observations].",
    )


class Urgency(_Group):
    """How one degree of urgency is traded."""

    participation_frac: float = Field(..., gt=0, le=1, description="Share of the market's volume [frac 0-1].")
    min_horizon_sessions: float = Field(
        ..., gt=0, le=250, description="Shortest time over which an order is spread [sessions]."
    )


class Urgencies(_Group):
    """Degrees of urgency: the more urgent, the larger the share of volume, the shorter the time, the dearer."""

    low: Urgency = Urgency(participation_frac=0.05, min_horizon_sessions=2.0)
    medium: Urgency = Urgency(participation_frac=0.10, min_horizon_sessions=1.0)
    high: Urgency = Urgency(participation_frac=0.15, min_horizon_sessions=0.25)
    critical: Urgency = Urgency(participation_frac=0.20, min_horizon_sessions=0.05)

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        degrees = (self.low, self.medium, self.high, self.critical)
        shares = [each.participation_frac for each in degrees]
        times = [each.min_horizon_sessions for each in degrees]
        if shares != sorted(shares) or times != sorted(times, reverse=True):
            raise ValueError(
                f"participation_frac must not fall and min_horizon_sessions not rise with urgency; found {shares} and {times}"
            )
        return self


class VenueAccount(_Group):
    """The venue account whose positions are read; the keys belong in the environment."""

    venue: str | None = Field(default=None, description="Venue of the account; null reads none.")
    url: str | None = Field(default=None, description="Address of its emulator, http://127.0.0.1:PORT.")
    base_currency: str = Field(
        default="USDT", pattern=r"^[A-Z0-9]{3,8}$", description="Currency the account is reported in."
    )
    api_key: SecretStr | None = Field(default=None, description="Key of the account.")
    secret: SecretStr | None = Field(default=None, description="Secret of the key.")
    wallet: str | None = Field(default=None, description="Address of a Hyperliquid account.")
    private_key: SecretStr | None = Field(default=None, description="Key of that address's agent.")


class Cache(_Group):
    """The in-process cache of published results."""

    ttl_s: float = Field(
        default=60.0, gt=0, le=86_400, description="Age at which a cached answer is computed again [s]."
    )
    max_entries: int = Field(
        default=10_000, ge=1, le=10_000_000, description="Answers kept; the least recently used goes first [entries]."
    )


class Logging(_Group):
    """What is written to the log."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(default="INFO", description="Lowest level written.")


class Settings(BaseSettings):
    """All settings, frozen. Build it with :func:`load_settings`, which explains what is wrong."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter=_NESTED,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        allow_inf_nan=False,
        nested_model_default_partial_update=True,
    )

    data_dir: Folder = Field(
        default=Path("workspace_data"),
        validate_default=True,
        description="Folder of everything the platform writes: lake, landing, PostgreSQL, Dagster home.",
    )
    lake_dir: Folder = Field(
        default_factory=lambda data: data.get("data_dir", Path()) / "lake",
        description="Folder of the published tables; default data_dir/lake.",
    )
    landing_dir: Folder = Field(
        default_factory=lambda data: data.get("data_dir", Path()) / "landing",
        description="Folder where delivered files are picked up; default data_dir/landing.",
    )
    real_data: Folder | None = Field(default=None, description="Folder of recorded market data; null runs without it.")
    database_url: PostgresUrl | None = Field(
        default=None,
        description="PostgreSQL database of the platform's tables; null uses the embedded server in data_dir/postgres.",
    )
    dagster_database_url: PostgresUrl | None = Field(
        default=None, description="PostgreSQL database of Dagster's storage; null uses the embedded server."
    )
    weight_profile: str = Field(
        default="default",
        pattern=_PROFILE,
        description="Weight profile of the published scores; 'default' keeps each asset class on its own.",
    )
    landing_naive_times_utc: bool = Field(
        default=False, description="Whether times without a zone in landed files are UTC; false refuses them."
    )
    landing_bondx_day: date | None = Field(
        default=None,
        ge=date(1998, 1, 1),
        le=date(2035, 12, 31),
        description="Session of the BondX issuer and bond files, which name no day; null leaves them unread [UTC day].",
    )
    landing_nse_day: date | None = Field(
        default=None,
        ge=date(1998, 1, 1),
        le=date(2035, 12, 31),
        description="Session of a landed NSE bond download whose name holds no day; null sets it aside [UTC day].",
    )
    simulate_seed: int = Field(
        default=7,
        ge=0,
        le=2**63 - 1,
        description="Seed of the simulated market; the same seed gives the same market [1].",
    )
    simulate_bonds: int = Field(
        default=200, ge=1, le=1_000_000, description="Bonds alive in the simulated market [bonds]."
    )
    simulate_start: date = Field(
        default=date(2026, 6, 1),
        ge=date(1998, 1, 1),
        le=date(2035, 12, 31),
        description="First day of the simulated market [UTC day].",
    )
    risk_thresholds: RiskThresholds = RiskThresholds()
    sizing: Sizing = Sizing()
    execution: Execution = Execution()
    gate: Gate = Gate()
    tiers: Tiers = Tiers()
    early_warning: EarlyWarning = EarlyWarning()
    publication: Publication = Publication()
    retention: Retention = Retention()
    freshness: Freshness = Freshness()
    forecast: Forecast = Forecast()
    portfolio: Portfolio = Portfolio()
    regulation: Regulation = Regulation()
    urgency: Urgencies = Urgencies()
    venue_account: VenueAccount = VenueAccount()
    cache: Cache = Cache()
    logging: Logging = Logging()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then the environment, then the YAML file; nothing else."""
        del dotenv_settings, file_secret_settings
        return (init_settings, env_settings, _YamlSource(settings_cls))

    @property
    def feed_roots(self) -> "FeedRoots":
        """Folders that feeds read."""
        from resources.feeds import FeedRoots

        return FeedRoots(
            recorded=self.real_data,
            landing=self.landing_dir,
            naive_times_utc=self.landing_naive_times_utc,
            bondx_day=self.landing_bondx_day,
            nse_day=self.landing_nse_day,
        )

    @property
    def publish_grace(self) -> timedelta:
        """Time after the end of a session's UTC day until its pulse is expected."""
        return timedelta(seconds=self.freshness.publish_grace_s)


class _YamlSource(PydanticBaseSettingsSource):
    """The ``liquidity:`` block of the configuration file."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        del field
        return _yaml_values().get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return _yaml_values()


def config_file() -> Path | None:
    """Find the configuration file: ``PULSE_CONFIG_FILE``, else ``config/liquidity.yaml`` of the working or project folder."""
    named = os.environ.get(CONFIG_FILE_VARIABLE, "")
    if named:
        if not Path(named).is_file():
            raise ConfigError(f"{CONFIG_FILE_VARIABLE} names {named}, which is no file; correct or unset it")
        return Path(named)
    for folder in (Path.cwd(), PROJECT_ROOT):
        candidate = folder / "config" / "liquidity.yaml"
        if candidate.is_file():
            return candidate
    return None


def _yaml_values() -> dict[str, Any]:
    path = config_file()
    if path is None:
        return {}
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: not readable as YAML ({error}); correct the file") from error
    if content is None:
        return {}
    if not isinstance(content, dict) or set(content) != {_BLOCK} or not isinstance(content[_BLOCK] or {}, dict):
        raise ConfigError(f"{path}: expected one block {_BLOCK!r} with settings below it, found {_shape(content)}")
    return _without_null(content[_BLOCK] or {})


def _shape(content: object) -> str:
    return f"the keys {sorted(map(str, content))}" if isinstance(content, dict) else type(content).__name__


def _without_null(values: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out keys whose value is null: they take the default."""
    return {
        key: _without_null(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


def load_settings(**overrides: Any) -> Settings:
    """Read all settings.

    Parameters
    ----------
    overrides
        Values that win over environment and file, by field name.

    Raises
    ------
    ConfigError
        A key is unknown (with the closest known one) or a value is out of range; secrets are never repeated.

    Examples
    --------
    >>> load_settings(sizing={"max_order_adv_frac": 0.05}).sizing.max_order_adv_frac
    0.05
    """
    known = _variable_names()
    for name in sorted(os.environ):
        if name.startswith(ENV_PREFIX) and name not in {*known, CONFIG_FILE_VARIABLE}:
            raise ConfigError(
                f"environment variable {name} is no setting{_closest(name, known)}; `pulse config` lists all"
            )
    try:
        return Settings(**overrides)
    except ValidationError as error:
        raise ConfigError(_explain(error)) from None  # the cause would repeat values


@cache
def current_settings() -> Settings:
    """Return the settings of this process, read at the first call and kept."""
    return load_settings()


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors(include_input=False, include_url=False, include_context=False):
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"{key}: no such setting{_closest(key, {leaf.key for leaf in _leaves(Settings)})}")
        else:
            lines.append(f"{key or 'settings'}: {problem['msg']}")
    return "settings: " + "; ".join(lines) + "; see config/liquidity.yaml for keys, units and ranges"


def _closest(name: str, known: set[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""


@dataclass(frozen=True, slots=True)
class _Leaf:
    key: str
    field: FieldInfo

    @property
    def variable(self) -> str:
        return ENV_PREFIX + self.key.upper().replace(".", _NESTED)


def _leaves(model: type[BaseModel], prefix: str = "") -> Iterator[_Leaf]:
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield from _leaves(field.annotation, f"{prefix}{name}.")
        else:
            yield _Leaf(prefix + name, field)


def _variable_names() -> set[str]:
    names = {leaf.variable for leaf in _leaves(Settings)}
    return names | {ENV_PREFIX + name.upper() for name in Settings.model_fields}  # a whole group as JSON


@dataclass(frozen=True, slots=True)
class ConfigLine:
    """One setting as it stands: dotted key, value as text (secrets masked), where it came from, its meaning."""

    key: str
    value: str
    source: str
    meaning: str


def config_lines(settings: Settings) -> list[ConfigLine]:
    """Every setting with its value and source, in the order of this file.

    ``source`` is ``environment <variable>``, ``file <path>``, ``argument`` (given in code) or ``default``.
    """
    path, from_file, reread = config_file(), _yaml_values(), load_settings()
    lines = []
    for leaf in _leaves(Settings):
        value = _look_up(settings, leaf.key)
        parts = leaf.key.split(".")
        group = ENV_PREFIX + parts[0].upper()
        if value != _look_up(reread, leaf.key):
            source = "argument"
        elif os.environ.get(leaf.variable):
            source = f"environment {leaf.variable}"
        elif len(parts) > 1 and _in_json(os.environ.get(group, ""), parts[1:]):
            source = f"environment {group}"
        elif _has(from_file, parts):
            source = f"file {path}"
        else:
            source = "default"
        secret = isinstance(value, SecretStr)
        lines.append(ConfigLine(leaf.key, _MASK if secret else _text(value), source, leaf.field.description or ""))
    return lines


def _look_up(settings: BaseModel, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        value = getattr(value, part)
    return value


def _has(values: Mapping[str, Any], parts: list[str]) -> bool:
    for part in parts:
        if not isinstance(values, Mapping) or part not in values:
            return False
        values = values[part]
    return True


def _in_json(text: str, parts: list[str]) -> bool:
    content = yaml.safe_load(text)  # JSON is YAML
    return isinstance(content, dict) and _has(content, parts)


def _text(value: object) -> str:
    return "null" if value is None else str(value)


def show_config(settings: Settings) -> str:
    """All settings as aligned text: key, value, source. Secrets are masked whatever their source."""
    lines = config_lines(settings)
    key_width = max(len(line.key) for line in lines)
    value_width = min(60, max(len(line.value) for line in lines))
    return "\n".join(f"{line.key:<{key_width}}  {line.value:<{value_width}}  {line.source}" for line in lines)


def settings_markdown() -> str:
    """Write the page of all settings: key, default, allowed range, environment variable, meaning; groups in the order of this file."""
    rows = [
        f"| `{leaf.key}` | {_default_text(leaf)} | {_range_text(leaf.field)} | `{leaf.variable}` | {leaf.field.description} |"
        for leaf in _leaves(Settings)
    ]
    return "\n".join(
        (
            "# Settings",
            "",
            "Generated by `make docs` from `resources/settings.py`. A value comes from the environment, else from",
            f"`config/liquidity.yaml` (another file by `{CONFIG_FILE_VARIABLE}`), else the default. `pulse config` prints every value and",
            "where it comes from. Unknown keys are refused. Fractions end in `_frac`, seconds in `_s`, 1e-4 in `_bps`.",
            "",
            "| key | default | allowed | environment variable | meaning |",
            "|---|---|---|---|---|",
            *rows,
            "",
        )
    )


def _default_text(leaf: _Leaf) -> str:
    """Default as the page shows it; folders that follow from others say so in their meaning."""
    value: Any = _group_default(leaf.key)
    if value is None:
        return "null"
    return f"`{value.isoformat() if isinstance(value, date) else value}`"


def _group_default(key: str) -> Any:
    """Default of a setting; a group's default object may differ from its class's."""
    first, *rest = key.split(".")
    value: Any = Settings.model_fields[first].default
    for part in rest:
        value = getattr(value, part)
    return None if value is PydanticUndefined else value


def _range_text(field: FieldInfo) -> str:
    """Allowed range or list of a setting."""
    options = (
        getattr(field.annotation, "__args__", ()) if getattr(field.annotation, "__origin__", None) is Literal else ()
    )
    if options:
        return ", ".join(f"`{option}`" for option in options)
    bounds = [
        f"{sign} {getattr(limit, name)}"
        for limit in field.metadata
        for name, sign in (("ge", ">="), ("gt", ">"), ("le", "<="), ("lt", "<"))
        if hasattr(limit, name)
    ]
    return ", ".join(bounds)
