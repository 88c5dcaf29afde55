"""Tables that ask what the scores mean: the state of each market, and what followed low scores and alerts.

Read next: ``liquidity/backtest/score_validation.py``, ``liquidity/forecast/regime.py``.
"""

from liquidity.contracts._columns import (
    ASSET_CLASS,
    INSTRUMENT_ID,
    ORIGIN,
    SESSION_DATE,
    SOURCE,
    fraction,
    non_negative,
    points,
)
from liquidity.contracts.forecast import CALENDAR, HORIZON, MARKET, MARKET_KEY
from liquidity.contracts.table import Column, RowRule, TableContract

__all__ = [
    "ALARM_SOURCES",
    "ANOMALY_PATTERNS",
    "MARKET_CONDITIONS",
    "MARKET_REGIME",
    "REGIMES",
    "SCORE_VALIDATION",
    "VALIDATED_OUTCOMES",
    "VALIDATED_PREDICTORS",
    "VALIDATION_VERDICTS",
    "VALIDATION_VIEWS",
    "WARNING_VALIDATION",
    "WEIGHT_FINDINGS",
    "WEIGHT_REVIEW",
]

# States of a market, most liquid first.
REGIMES = ("calm", "stressed", "crisis")
# What may follow a low score; every one is worse when it is higher.
VALIDATED_OUTCOMES = ("spread_bps", "spread_ratio", "zero_trade_day", "failed_exit", "cost_overrun_bps")
VALIDATED_PREDICTORS = (
    "liquidity_score",
    "repayment_score",
    "bondx_score",
    "liquidity_score_forecast",
    "repayment_score_forecast",
    "bondx_score_forecast",
)
# What is compared: the instruments of one session with each other, or each instrument with itself over time.
VALIDATION_VIEWS = ("across_names", "over_time")
VALIDATION_VERDICTS = ("adds_to_naive", "predicts", "no_evidence", "wrong_sign", "insufficient_data")
ALARM_SOURCES = ("early_warnings", "forecast")
WEIGHT_FINDINGS = ("raise", "lower", "keep", "insufficient_data")

_WINDOW_FROM = Column("window_from", "date", "day", "First session looked at.")


def _correlation(name: str, meaning: str) -> Column:
    return Column(name, "float64", "-1..1", meaning, nullable=True, minimum=-1.0, maximum=1.0)


_CONDITIONS = (
    Column("members_count", "int64", "1", "Instruments with a score.", minimum=0),
    points("median_score", "Median liquidity score of the members; null without any."),
    points("dispersion_points", "Interquartile range of their scores; null below four members."),
    fraction(
        "falling_frac",
        "Share of the names scored in this and the previous session whose score fell; null below four such names.",
    ),
)

MARKET_CONDITIONS = TableContract(
    name="market_conditions",
    location="pulse",
    group="validation",
    row_means="Where the liquidity scores of one market stand in one session: level, dispersion and breadth of the fall.",
    key=MARKET_KEY,
    columns=(*MARKET, *_CONDITIONS),
)

MARKET_REGIME = TableContract(
    name="market_regime",
    location="pulse",
    group="validation",
    row_means="State of one market in one session, told from that session and earlier ones alone.",
    key=MARKET_KEY,
    columns=(
        *MARKET,
        *_CONDITIONS,
        Column("regime", "string", "id", "Most probable state; null with a reason.", nullable=True, allowed=REGIMES),
        fraction("calm_probability_frac", "Probability of the most liquid state given the sessions so far."),
        fraction("stressed_probability_frac", "Probability of the state in between."),
        fraction("crisis_probability_frac", "Probability of the least liquid state."),
        Column(
            "fitted_through",
            "date",
            "day",
            "Last session the parameters were learned from; before the month of the row.",
            nullable=True,
        ),
        Column("reason", "string", "text", "Why no state is told; empty when one is."),
    ),
)

SCORE_VALIDATION = TableContract(
    name="score_validation",
    location="pulse",
    group="validation",
    row_means="How one score, or its forecast, of the window's sessions went with one outcome of later sessions.",
    key=(*MARKET_KEY, "predictor", "outcome", "view", "horizon_sessions"),
    columns=(
        *MARKET,
        Column("predictor", "string", "id", "Score, or its forecast median.", allowed=VALIDATED_PREDICTORS),
        Column("outcome", "string", "id", "What followed; higher is worse.", allowed=VALIDATED_OUTCOMES),
        Column(
            "view",
            "string",
            "id",
            "across_names: the instruments of one session are compared; over_time: the sessions of one instrument.",
            allowed=VALIDATION_VIEWS,
        ),
        HORIZON,
        _WINDOW_FROM,
        Column("points_n", "int64", "1", "Pairs of a score and the outcome that followed.", minimum=0),
        Column("sessions_n", "int64", "1", "Sessions with such a pair.", minimum=0),
        Column("instruments_n", "int64", "1", "Instruments with such a pair.", minimum=0),
        _correlation(
            "rank_correlation", "Spearman correlation of score and outcome; below 0 is what the score promises."
        ),
        _correlation("rank_correlation_low", "Lower end of its 95 % interval, sessions resampled in blocks."),
        _correlation("rank_correlation_high", "Upper end."),
        _correlation("naive_rank_correlation", "The outcome's own last value instead of the score; above 0 predicts."),
        _correlation("naive_low", "Lower end of its 95 % interval."),
        _correlation("naive_high", "Upper end."),
        _correlation("partial_rank_correlation", "Score and outcome once the outcome's own last value is known."),
        _correlation("partial_low", "Lower end of its 95 % interval."),
        _correlation("partial_high", "Upper end."),
        _correlation("shuffled_rank_correlation", "The same score against shuffled outcomes: 0 but for chance."),
        Column("base_rate", "float64", "unit of the outcome", "Mean outcome over all pairs.", nullable=True),
        Column(
            "deciles_json",
            "string",
            "JSON",
            'List of {"decile","score","outcome","low","high","n"}: mean outcome by decile of the score, 0 lowest; '
            "empty list without data.",
        ),
        Column(
            "verdict",
            "string",
            "id",
            "adds_to_naive: predicts beyond the outcome's own last value; predicts: with the promised sign; "
            "no_evidence: the interval holds 0; wrong_sign: against the promise.",
            allowed=VALIDATION_VERDICTS,
        ),
        Column("reason", "string", "text", "Why there is no figure; empty when there is one."),
    ),
    rules=(
        RowRule("interval_crosses", "rank_correlation_low", "<=", "rank_correlation_high"),
        RowRule("interval_crosses", "naive_low", "<=", "naive_high"),
        RowRule("interval_crosses", "partial_low", "<=", "partial_high"),
    ),
)

WARNING_VALIDATION = TableContract(
    name="warning_validation",
    location="pulse",
    group="validation",
    row_means="How alarms of one kind met the crises that the simulator had planted in the window.",
    key=(*MARKET_KEY, "alarm_source", "event_kind"),
    columns=(
        *MARKET,
        Column("alarm_source", "string", "id", "Who alarms.", allowed=ALARM_SOURCES),
        Column(
            "event_kind", "string", "id", "Planted events counted.", allowed=("issuer_crisis", "market_crisis", "all")
        ),
        _WINDOW_FROM,
        Column("events_n", "int64", "1", "Planted crises that hit a scored instrument.", minimum=0),
        Column("hits_n", "int64", "1", "Instruments hit, counted once for each crisis.", minimum=0),
        Column("alarmed_n", "int64", "1", "Hits that were alarmed while the crisis lasted.", minimum=0),
        fraction("alarmed_frac", "alarmed_n / hits_n."),
        fraction("chance_alarmed_frac", "The same when the alarms of each instrument fall on random sessions."),
        Column(
            "lead_sessions_median",
            "float64",
            "sessions",
            "Sessions from the alarm to the crisis's full strength, median; below 0 is after it.",
            nullable=True,
        ),
        fraction("before_peak_frac", "Share of the hits that were alarmed before full strength."),
        Column(
            "delay_sessions_median",
            "float64",
            "sessions",
            "Sessions from the first day of the crisis to the alarm, median.",
            nullable=True,
            minimum=0.0,
        ),
        Column("alarms_n", "int64", "1", "Alarms in the window.", minimum=0),
        Column("false_alarms_n", "int64", "1", "Alarms of instruments without any planted event.", minimum=0),
        fraction("false_alarm_frac", "false_alarms_n / alarms_n."),
        non_negative(
            "false_alarms_per_year",
            "1 per instrument and 250 sessions",
            "False alarms of one instrument in a quiet year.",
        ),
        Column("reason", "string", "text", "Why a figure is null; empty when none is."),
    ),
)

WEIGHT_REVIEW = TableContract(
    name="weight_review",
    location="pulse",
    group="validation",
    row_means="Where the evidence of the window would move the weight of one feature; a report, applied by nobody.",
    key=(*MARKET_KEY, "profile", "feature"),
    columns=(
        *MARKET,
        Column("profile", "string", "id", "Weight profile under review."),
        Column("feature", "string", "id", "Feature of its liquidity score."),
        _WINDOW_FROM,
        Column("sessions_n", "int64", "1", "Sessions whose outcomes were known.", minimum=0),
        fraction("weight_share_frac", "Share of the profile's weight today.", nullable=False),
        fraction("evidence_share_frac", "Share after learning from the outcomes of the window."),
        _correlation(
            "rank_correlation", "Mean rank correlation of the weighted feature with the outcomes; below 0 is promised."
        ),
        _correlation("rank_correlation_low", "Lower end of its 95 % interval."),
        _correlation("rank_correlation_high", "Upper end."),
        Column("finding", "string", "id", "What the evidence says.", allowed=WEIGHT_FINDINGS),
        Column("reason", "string", "text", "The figures in words."),
    ),
    rules=(RowRule("interval_crosses", "rank_correlation_low", "<=", "rank_correlation_high"),),
)

ANOMALY_PATTERNS = TableContract(
    name="anomaly_patterns",
    location="pulse",
    group="validation",
    row_means="How unusual the features of one instrument are together, compared with its market's recent sessions.",
    key=("session_date", "instrument_id"),
    columns=(
        SESSION_DATE,
        INSTRUMENT_ID,
        ASSET_CLASS,
        CALENDAR,
        ORIGIN,
        fraction(
            "isolation_frac", "Isolation score (Liu, Ting and Zhou 2008): near 1 stands alone, about 0.5 is usual."
        ),
        fraction("threshold_frac", "Score that the reference rows exceed in the share looked for."),
        Column("unusual", "bool", "1", "Above the threshold; null with a reason.", nullable=True),
        Column("features", "string", "names", "Up to three features that set the row apart most, strongest first."),
        Column("reason", "string", "text", "Why it was not judged; empty when it was."),
        SOURCE,
    ),
)
