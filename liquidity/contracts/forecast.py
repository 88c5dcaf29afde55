"""Tables of the forecasts: what was said, how it was judged when its day arrived, and which model may speak."""

from liquidity.contracts._columns import (
    ASSET_CLASS,
    INSTRUMENT_ID,
    ORIGIN,
    RATING,
    SECTOR,
    SESSION_DATE,
    fraction,
    non_negative,
    points,
)
from liquidity.contracts.table import Column, RowRule, TableContract
from liquidity.domain.instrument import CALENDARS
from liquidity.domain.origin import ORIGINS

__all__ = [
    "DECISIONS",
    "FORECAST_ACCURACY",
    "FORECAST_EVALUATION",
    "FORECAST_MODELS",
    "FORECAST_SCORES",
    "FORECAST_STATUS",
    "INDEX_FORECAST",
    "MARKET",
    "MARKET_KEY",
]

# Who speaks in a row of INDEX_FORECAST, most trusted first.
FORECAST_STATUS = ("model", "baseline", "fallback", "insufficient_data")
# What a training decided.
DECISIONS = ("promoted", "kept", "baseline_served", "insufficient_data")

_SCORES = ("liquidity_score", "repayment_score", "bondx_score")
_NAME = r"^[a-z][a-z0-9_]{0,39}$"
_MODEL_ID = r"^[0-9a-f]{16}$"

CALENDAR = Column("calendar", "string", "id", "Trading calendar that counts the sessions.", allowed=CALENDARS)
TARGET = Column("target", "string", "id", "Score that is forecast.", allowed=_SCORES)
HORIZON = Column(
    "horizon_sessions", "int64", "sessions", "Sessions ahead in the instrument's calendar.", minimum=1, maximum=5
)
MEMBER = Column("member", "string", "id", "Member that gave the forecast (docs/registries.md).", pattern=_NAME)
MARKET = (SESSION_DATE, ASSET_CLASS, CALENDAR, ORIGIN)
"""What a row about one market in one session begins with."""

MARKET_KEY = tuple(column.name for column in MARKET)
LIQUIDITY_GROUP = Column(
    "liquidity_group",
    "int64",
    "1",
    "Group whose coverage corrects the bands: tercile of base_score in the session, 0 least liquid; 3 stale or thin. Null without a forecast.",
    nullable=True,
    minimum=0,
    maximum=3,
)
SLICE = Column(
    "slice",
    "string",
    "id",
    "What the rows are cut by.",
    allowed=("all", "sector", "liquidity_decile", "liquidity_group"),
)
SLICE_VALUE = Column(
    "slice_value",
    "string",
    "id",
    "Sector, decile 0 (least liquid) to 9, or liquidity group 0 to 3; 'all' when not cut.",
)


def _member_or_none(name: str, meaning: str) -> Column:
    return Column(name, "string", "id", meaning, nullable=True, pattern=_NAME)


def _state_id(name: str, meaning: str) -> Column:
    return Column(name, "string", "sha256, first 16 hex digits", meaning, nullable=True, pattern=_MODEL_ID)


def _skill(meaning: str) -> Column:
    return Column("skill_frac", "float64", "frac", meaning, nullable=True, maximum=1.0)


def _signed_points(name: str, meaning: str) -> Column:
    return Column(name, "float64", "points", meaning, nullable=True, minimum=-100.0, maximum=100.0)


MODEL_ID = _state_id("model_id", "Stored state the forecast was made with; null for a fallback.")

INDEX_FORECAST = TableContract(
    name="index_forecast",
    location="pulse",
    group="forecasts",
    row_means="One score of one instrument, forecast at a session's close for a later session, with calibrated bands.",
    key=("session_date", "instrument_id", "target", "horizon_sessions"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        SECTOR,
        RATING,
        CALENDAR,
        TARGET,
        HORIZON,
        Column(
            "target_date", "date", "day", "Session that is forecast; null beyond the known calendar.", nullable=True
        ),
        points("base_score", "Score of the session the forecast was made on."),
        points("forecast_score", "Median of the forecast."),
        points("lower_95", "2.5 % quantile."),
        points("lower_80", "10 % quantile."),
        points("lower_50", "25 % quantile."),
        points("upper_50", "75 % quantile."),
        points("upper_80", "90 % quantile."),
        points("upper_95", "97.5 % quantile."),
        Column(
            "status",
            "string",
            "id",
            "model: a trained model that beats every baseline; baseline: the best baseline, which no model beats; "
            "fallback: no trained state serves this instrument; insufficient_data: no forecast.",
            allowed=FORECAST_STATUS,
        ),
        _member_or_none("member", "Member that gave the forecast; null without one."),
        Column("reason", "string", "text", "Why not a model; empty when one serves."),
        MODEL_ID,
        LIQUIDITY_GROUP,
        Column(
            "drivers_json",
            "string",
            "JSON",
            'List of {"input","points"} whose points add up to forecast_score - base_score; empty list without a forecast.',
        ),
        Column(
            "source",
            "string",
            "id",
            "Where the scores it was made from come from: recorded markets, whichever feed, or the simulator.",
            allowed=ORIGINS,
        ),
    ),
    rules=(
        RowRule("bands_cross", "lower_95", "<=", "lower_80"),
        RowRule("bands_cross", "lower_80", "<=", "lower_50"),
        RowRule("bands_cross", "lower_50", "<=", "forecast_score"),
        RowRule("bands_cross", "forecast_score", "<=", "upper_50"),
        RowRule("bands_cross", "upper_50", "<=", "upper_80"),
        RowRule("bands_cross", "upper_80", "<=", "upper_95"),
        RowRule("forecast_of_the_past", "session_date", "<", "target_date"),
    ),
)

FORECAST_SCORES = TableContract(
    name="forecast_scores",
    location="pulse",
    group="forecasts",
    row_means="One past forecast, judged on the session it was made for.",
    key=("session_date", "instrument_id", "target", "horizon_sessions"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        SECTOR,
        CALENDAR,
        ORIGIN,
        TARGET,
        HORIZON,
        Column("made_on", "date", "day", "Session the forecast was made on."),
        MEMBER,
        Column("status", "string", "id", "Status of the forecast.", allowed=FORECAST_STATUS),
        MODEL_ID,
        Column(
            "liquidity_decile",
            "int64",
            "1",
            "Decile of base_score within the group's forecasts of made_on; 0 is least liquid.",
            minimum=0,
            maximum=9,
        ),
        LIQUIDITY_GROUP,
        points("base_score", "Score when the forecast was made.", nullable=False),
        points("forecast_score", "Median of the forecast.", nullable=False),
        points("realised_score", "Score of the session; null where it has none."),
        _signed_points("error_points", "forecast_score - realised_score; positive is too high."),
        non_negative("persistence_abs_error_points", "points", "Absolute error of 'no change' on the same row."),
        non_negative("pinball_points", "points", "Mean pinball loss over the seven quantiles."),
        non_negative("crps_points", "points", "Continuous ranked probability score of the seven quantiles."),
        non_negative("interval_score_80_points", "points", "Interval score of the 80 % band."),
        non_negative("interval_score_95_points", "points", "Interval score of the 95 % band."),
        Column("inside_50", "bool", "1", "Within the 50 % band, ends included.", nullable=True),
        Column("inside_80", "bool", "1", "Within the 80 % band.", nullable=True),
        Column("inside_95", "bool", "1", "Within the 95 % band.", nullable=True),
        Column("reason", "string", "text", "Why it could not be judged; empty when it was."),
    ),
    rules=(RowRule("judged_before_made", "made_on", "<", "session_date"),),
)

_LOSSES = (
    non_negative("mae_points", "points", "Mean absolute error of the median."),
    _signed_points("bias_points", "Mean of forecast - realised; positive is too high."),
    non_negative("pinball_points", "points", "Mean pinball loss over the seven quantiles."),
    non_negative("crps_points", "points", "Mean continuous ranked probability score."),
    non_negative("interval_score_80_points", "points", "Mean interval score of the 80 % band."),
    non_negative("interval_score_95_points", "points", "Mean interval score of the 95 % band."),
    fraction("coverage_50_frac", "Share inside the 50 % band."),
    fraction("coverage_80_frac", "Share inside the 80 % band."),
    fraction("coverage_95_frac", "Share inside the 95 % band."),
)

FORECAST_ACCURACY = TableContract(
    name="forecast_accuracy",
    location="pulse",
    group="forecasts",
    row_means="How one score's served forecasts of one market did at one horizon over the window that ends with the session.",
    key=(*MARKET_KEY, "target", "horizon_sessions", "slice", "slice_value", "window_sessions"),
    columns=(
        *MARKET,
        TARGET,
        HORIZON,
        SLICE,
        SLICE_VALUE,
        Column(
            "window_sessions",
            "int64",
            "sessions",
            "Length of the window; 1 is the session alone, from which the longer window is added up.",
            minimum=1,
        ),
        Column("points_n", "int64", "1", "Judged forecasts in it.", minimum=0),
        Column("sessions_n", "int64", "1", "Sessions with at least one.", minimum=0),
        *_LOSSES,
        non_negative("persistence_mae_points", "points", "Mean absolute error of 'no change' on the same rows."),
        _skill("1 - MAE / MAE of persistence on the same rows; negative is worse than no change."),
        fraction(
            "coverage_80_low_frac", "Lower end of the range a calibrated 80 % band stays in with 95 % probability."
        ),
        fraction("coverage_80_high_frac", "Upper end of it."),
        fraction("coverage_95_low_frac", "The same of the 95 % band: lower end."),
        fraction("coverage_95_high_frac", "Upper end."),
        Column(
            "coverage_alarm",
            "bool",
            "1",
            "Coverage of the 80 or the 95 % band lies outside its range, which is wide for few points (below 20 sessions each "
            "counts once); a training is asked for only where points_n is 250 or more.",
        ),
        non_negative(
            "input_shift_psi",
            "1",
            "Largest population stability index of the serving model's watched inputs, of the 21 days that end with the "
            "session against those it learned from; above 0.25 is another population. In rows of slice 'all' and window 1, "
            "the same at every horizon; null elsewhere, without a trained model, or with fewer than 500 rows.",
        ),
        Column(
            "shifted_input",
            "string",
            "id",
            "Input that the index is of; null where the index is.",
            nullable=True,
            pattern=_NAME,
        ),
    ),
)

FORECAST_EVALUATION = TableContract(
    name="forecast_evaluation",
    location="pulse",
    group="forecasts",
    row_means="Walk-forward loss of one member at one horizon, in the training of the session's day.",
    key=(*MARKET_KEY, "target", "member", "horizon_sessions", "slice", "slice_value"),
    columns=(
        *MARKET,
        TARGET,
        MEMBER,
        Column("kind", "string", "id", "Baseline or model.", allowed=("baseline", "model")),
        HORIZON,
        SLICE,
        SLICE_VALUE,
        Column("points_n", "int64", "1", "Held-out forecasts.", minimum=0),
        Column("sessions_n", "int64", "1", "Held-out sessions.", minimum=0),
        *_LOSSES,
        non_negative(
            "mase", "1", "MAE over the in-sample MAE of the one-session naive forecast; null where that is 0."
        ),
        Column(
            "best_baseline", "string", "id", "Baseline with the least pinball loss on the same rows.", pattern=_NAME
        ),
        _skill("1 - pinball / pinball of the best baseline on the same rows."),
        Column(
            "dm_stat",
            "float64",
            "1",
            "Diebold-Mariano statistic of the pinball loss by session against the best baseline; below 0 is better.",
            nullable=True,
        ),
        fraction("dm_p_value", "Two-sided p-value of it; null where the loss difference has no variance."),
    ),
)

FORECAST_MODELS = TableContract(
    name="forecast_models",
    location="pulse",
    group="forecasts",
    row_means="What the training of the session's day decided for one score of one market.",
    key=(*MARKET_KEY, "target"),
    columns=(
        *MARKET,
        TARGET,
        Column("decision", "string", "id", "What happened.", allowed=DECISIONS),
        Column("reason", "string", "text", "Why, with the figures that decided."),
        _member_or_none("member", "Member that serves from now on; null without one."),
        MODEL_ID,
        _member_or_none("incumbent_member", "Member that served before."),
        _state_id("incumbent_id", "Its stored state."),
        Column("data_from", "date", "day", "First session learned from.", nullable=True),
        Column("data_through", "date", "day", "Last session learned from.", nullable=True),
        Column("instruments_n", "int64", "1", "Instruments learned from.", minimum=0),
        Column("rows_n", "int64", "1", "Labelled rows learned from.", minimum=0),
        Column(
            "card_json", "string", "JSON", "Model card: window, inputs, settings, seed, code version, losses, limits."
        ),
    ),
)
