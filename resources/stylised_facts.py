"""The stylised facts of the markets, each measured on recorded files and on simulated days in the same way.

One function for each market: trades, quotes, credit, auctions, seasons of alternative data, crypto. Read next:
``calibration.py`` (the report made from them).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.simulation import SimulatedDay

__all__ = ["RECORDED_FILES", "Fact", "stylised_facts"]

_NEUTRAL_SESSIONS: Final = 60  # conditions start neutral; the recorded day of trades is one day
_SAMPLE: Final = 101  # rows of the recorded day
_LAKH: Final = 1e5
_PEGGED_SD: Final = 0.015
_CREDIT_SINCE: Final = "1954-01-01"
RECORDED_FILES: Final = (
    "bonds/in_nse_corporate_bonds_1day.parquet",
    "bonds/br_treasury_two_way.parquet",
    "bonds/br_treasury_quotes.parquet",
    "bonds/us_treasury_auctions.csv.gz",
    "macro/moodys_aaa_baa_monthly.parquet",
    "alt/traffic_i94_hourly.parquet",
    "alt/eia_energy_weekly.parquet",
    "ohlcv/crypto_spot_1d.parquet",
)
"""Files below the folder of recorded data that the facts are measured on."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One stylised fact: recorded and simulated value with the allowed interval, all in ``unit``."""

    name: str
    unit: str
    recorded: float
    simulated: float
    lowest: float
    highest: float
    source: str

    @property
    def inside(self) -> bool:
        """Whether the simulated value lies in [lowest, highest]; never for NaN."""
        return self.lowest <= self.simulated <= self.highest


def stylised_facts(recorded: Path, days: Iterable[SimulatedDay]) -> list[Fact]:
    """Every fact, recorded against simulated; the days are read once.

    Raises
    ------
    InsufficientDataError
        Fewer than two simulated years.
    """
    seen = _observe(days)
    return [
        *_trade_facts(recorded, seen),
        *_quote_facts(recorded, seen),
        *_credit_facts(recorded, seen),
        *_auction_facts(recorded, seen),
        *_season_facts(recorded, seen),
        *_crypto_facts(recorded, seen),
    ]


@dataclass(slots=True)
class _Seen:
    """What one pass over the simulated days keeps: small numbers per day and the traded bond-days of the first weeks."""

    day: list[pd.Timestamp] = field(default_factory=list)
    traded: list[pd.DataFrame] = field(default_factory=list)
    traded_share: list[float] = field(default_factory=list)
    yield_spread_bps: list[float] = field(default_factory=list)
    online: list[tuple[float, bool]] = field(default_factory=list)
    credit: dict[pd.Timestamp, float] = field(default_factory=dict)
    covers: list[float] = field(default_factory=list)
    alternative: list[tuple[pd.Timestamp, str, pd.Timestamp, float]] = field(default_factory=list)
    crypto: list[pd.DataFrame] = field(default_factory=list)


def _observe(days: Iterable[SimulatedDay]) -> _Seen:
    seen = _Seen()
    sessions = 0
    for day in days:
        at = pd.Timestamp(day.session_date)
        seen.day.append(at)
        quotes = day.tables["microstructure"]
        coins = quotes[quotes["venue"] == "sim.exchange"]
        if len(coins):
            seen.crypto.append(coins[["instrument_id", "high", "low", "close", "turnover_ccy"]].assign(day=at))
        if day.truth.bonds.empty:
            continue
        sessions += 1
        _observe_session(seen, day, at, neutral=sessions <= _NEUTRAL_SESSIONS)
    if not seen.day or (seen.day[-1] - seen.day[0]).days < 700:
        raise InsufficientDataError("calibration: fewer than 700 simulated days; give at least two years of them")
    return seen


def _observe_session(seen: _Seen, day: SimulatedDay, at: pd.Timestamp, *, neutral: bool) -> None:
    hidden = day.truth.bonds
    rating = hidden["rating"].to_numpy(dtype=np.str_)
    spread = hidden["credit_spread_frac"].to_numpy(dtype=np.float64)
    seen.credit[at] = float(np.median(spread[rating == "BBB"]) - np.median(spread[rating == "AAA"]))
    crisis = any(event.kind in ("market_crisis", "issuer_crisis") for event in day.truth.events)
    quotes = day.tables["microstructure"].iloc[: len(hidden)]  # bonds come first, both are in ISIN order
    if len(quotes):
        count = quotes["trades_count"].to_numpy(dtype=np.float64)
        if neutral:
            traded = count > 0
            seen.traded_share.append(float(traded.mean()))
            columns = {name: quotes[name].to_numpy(dtype=np.float64)[traded] for name in ("turnover_ccy", "vwap")}
            yields = hidden["yield_frac"].to_numpy(dtype=np.float64)[traded]
            seen.traded.append(pd.DataFrame({"trades_count": count[traded], **columns, "yield_frac": yields}))
        duration = hidden["duration_years"].to_numpy(dtype=np.float64)
        width = quotes["quoted_spread_bps"].to_numpy(dtype=np.float64)
        best = (rating == "AAA") & (duration > 1.0) & ~np.isnan(width)
        if best.any() and not crisis:
            seen.yield_spread_bps.append(float(np.median(width[best] / duration[best])))
    dealers = day.tables["auction_mm"]
    if len(dealers):
        outage = any(event.kind == "dealer_outage" and event.subject == "market" for event in day.truth.events)
        seen.online.append((float(dealers["mm_online_ratio"].mean()), outage))
        today = dealers[(dealers["auction_at"] >= at.tz_localize("UTC")).to_numpy()]
        if len(today):
            named = today.merge(hidden[["instrument_id", "issuer_id"]], on="instrument_id")
            seen.covers += named.drop_duplicates("issuer_id")["auction_demand"].tolist()
    alternative = day.tables["alt_signals"]
    if len(alternative):
        kinds = alternative["kind"].to_numpy(dtype=np.str_)
        values = np.log(alternative["value"].to_numpy(dtype=np.float64))
        for kind in ("traffic", "utilities"):
            rows = kinds == kind
            speaks_for = alternative["observed_at"].iloc[int(rows.argmax())].tz_localize(None).normalize()
            seen.alternative.append((at, kind, speaks_for, float(np.exp(values[rows].mean()))))


def _read(recorded: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(recorded / name) if name.endswith(".csv.gz") else pd.read_parquet(recorded / name)


def _plus_minus(name: str, unit: str, recorded: float, simulated: float, allowed: float, source: str) -> Fact:
    return Fact(name, unit, recorded, simulated, recorded - allowed, recorded + allowed, source)


def _times(name: str, unit: str, recorded: float, simulated: float, factor: float, source: str) -> Fact:
    return Fact(name, unit, recorded, simulated, recorded / factor, recorded * factor, source)


def _trade_facts(recorded: Path, seen: _Seen) -> list[Fact]:
    source = "NSE corporate bond trades, one day"
    day = _read(recorded, "bonds/in_nse_corporate_bonds_1day.parquet")
    ours = pd.concat(seen.traded, ignore_index=True)
    count = ours["trades_count"].to_numpy(dtype=np.float64)
    lakh = ours["turnover_ccy"].to_numpy(dtype=np.float64) / _LAKH
    yields = ours["yield_frac"].to_numpy(dtype=np.float64) * 100.0
    real_lakh = day["value_lakh_inr"].to_numpy(dtype=np.float64)
    real_yield = day["way_pct"].to_numpy(dtype=np.float64)
    facts = [
        _plus_minus(
            "trades per traded bond-day, median",
            "1",
            float(day["n_trades"].median()),
            float(np.median(count)),
            0.0,
            source,
        ),
        _plus_minus(
            "trades per traded bond-day, mean", "1", float(day["n_trades"].mean()), float(count.mean()), 0.1, source
        ),
        _plus_minus(
            "trades, largest of 101 bond-days", "1", float(day["n_trades"].max()), _largest(count), 1.0, source
        ),
    ]
    for place, label in ((25, "lower quartile"), (50, "median"), (75, "upper quartile")):
        facts.append(
            _times(
                f"value per traded bond-day, {label}",
                "lakh INR",
                float(np.percentile(real_lakh, place)),
                float(np.percentile(lakh, place)),
                1.6,
                source,
            )
        )
    facts.append(
        _times("value, largest of 101 bond-days", "lakh INR", float(real_lakh.max()), _largest(lakh), 1.5, source)
    )
    for place, label, allowed in (
        (0, "lowest", 1.5),
        (25, "lower quartile", 0.6),
        (50, "median", 0.6),
        (75, "upper quartile", 0.8),
        (100, "highest", 1.5),
    ):
        facts.append(
            _plus_minus(
                f"yield of traded bonds, {label}",
                "% a year",
                float(np.percentile(real_yield, place)),
                float(np.percentile(yields, place)),
                allowed,
                source,
            )
        )
    facts.append(
        _plus_minus(
            "correlation of log value and yield",
            "1",
            _correlation(np.log(real_lakh), real_yield),
            _correlation(np.log(lakh), yields),
            0.15,
            source,
        )
    )
    spread = [float(np.subtract(*np.percentile(prices, [75, 25]))) for prices in (day["wap"], ours["vwap"])]
    facts.append(_times("price per 100, interquartile range", "price", spread[0], spread[1], 1.6, source))
    facts.append(
        Fact(
            "bonds that trade on a session",
            "frac 0-1",
            float("nan"),
            float(np.mean(seen.traded_share)),
            0.05,
            0.5,
            "most bonds do not trade on a day",
        )
    )
    return facts


def _largest(values: NDArray[np.float64]) -> float:
    """Median over consecutive samples of 101 of the sample's maximum."""
    whole = values[: values.size // _SAMPLE * _SAMPLE].reshape(-1, _SAMPLE)
    return float(np.median(whole.max(axis=1)))


def _correlation(left: NDArray[np.float64], right: NDArray[np.float64]) -> float:
    return float(np.corrcoef(left, right)[0, 1])


def _quote_facts(recorded: Path, seen: _Seen) -> list[Fact]:
    source = "Brazilian treasuries, dealer quotes"
    two_way = _read(recorded, "bonds/br_treasury_two_way.parquet")
    fixed = two_way[two_way["rate_index"] != "SELIC"]
    quotes = _read(recorded, "bonds/br_treasury_quotes.parquet")
    asks = quotes[quotes["side"] == "ask"].groupby("snapshot_utc")["bond_id"].nunique()
    when = pd.DatetimeIndex(quotes["snapshot_utc"].unique())
    offered = asks.reindex(when, fill_value=0).to_numpy(dtype=np.float64)
    open_hours = (when.hour >= 12) & (when.hour < 21)
    outage = when.normalize() == pd.Timestamp("2026-03-19", tz="UTC")
    near = (when >= pd.Timestamp("2026-03-01", tz="UTC")) & (when < pd.Timestamp("2026-04-01", tz="UTC"))
    share = float(offered[open_hours & outage].mean() / np.median(offered[open_hours & near & ~outage]))
    online = pd.DataFrame(seen.online, columns=["online", "outage"])
    ours = float(online.loc[online["outage"], "online"].mean() / online.loc[~online["outage"], "online"].median())
    return [
        _plus_minus("full spread of the best names in yield, median", "bps", float(fixed["spread_bps_yield"].median()), float(np.median(seen.yield_spread_bps)), 3.0, source),
        _plus_minus("quotes on the day dealers withdraw, over a usual day", "frac 0-1", share, ours, 0.2, source),
    ]  # fmt: skip


def _credit_facts(recorded: Path, seen: _Seen) -> list[Fact]:
    source = "Moody's Baa less Aaa, monthly since 1954"
    moodys = _read(recorded, "macro/moodys_aaa_baa_monthly.parquet")
    real = np.log(moodys.loc[moodys["date"] >= _CREDIT_SINCE, "baa_aaa_spread_bps"].to_numpy(dtype=np.float64))
    daily = pd.Series(seen.credit)
    ours = np.log(daily.groupby([day.year * 12 + day.month for day in seen.credit]).mean().to_numpy(dtype=np.float64))
    statistics: dict[str, Callable[[NDArray[np.float64]], float]] = {
        "monthly change of the log credit spread, sd": lambda x: float(np.diff(x).std(ddof=1)),
        "log credit spread, monthly autocorrelation": lambda x: _autocorrelation(x, 1),
        "change of the log credit spread, autocorrelation": lambda x: _autocorrelation(np.diff(x), 1),
    }
    facts = []
    for name, statistic in statistics.items():
        windows = [statistic(real[begin : begin + ours.size]) for begin in range(0, real.size - ours.size + 1, 6)]
        low, middle, high = np.percentile(windows, [2.5, 50.0, 97.5])
        facts.append(
            Fact(
                name,
                "1",
                float(middle),
                statistic(ours),
                float(low),
                float(high),
                f"{source}, windows of {ours.size} months",
            )
        )
    return facts


def _auction_facts(recorded: Path, seen: _Seen) -> list[Fact]:
    source = "US Treasury auctions 2008-09"
    real = _read(recorded, "bonds/us_treasury_auctions.csv.gz")["bid_to_cover"].to_numpy(dtype=np.float64)
    ours = np.array(seen.covers)
    return [
        _times("bid-to-cover, median", "ratio", float(np.median(real)), float(np.median(ours)), 1.1, source),
        _times(
            "bid-to-cover, sd of the log",
            "1",
            float(np.log(real).std(ddof=1)),
            float(np.log(ours).std(ddof=1)),
            1.5,
            source,
        ),
    ]


def _season_facts(recorded: Path, seen: _Seen) -> list[Fact]:
    source = "I-94 traffic, hourly"
    hours = _read(recorded, "alt/traffic_i94_hourly.parquet")
    days = hours.groupby(hours["ts_local"].dt.normalize())["traffic_volume"].agg(["sum", "count"])
    real = days[days["count"] == 24]["sum"].astype(np.float64)
    ours = pd.DataFrame(seen.alternative, columns=["day", "kind", "speaks_for", "value"])
    traffic = ours[ours["kind"] == "traffic"].set_index("speaks_for")["value"]
    both = [_weekdays(series) for series in (real, traffic)]
    names = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
    facts = [
        _plus_minus(
            f"traffic on {name} over the mean of Monday to Friday",
            "1",
            float(both[0][place]),
            float(both[1][place]),
            0.02,
            source,
        )
        for place, name in enumerate(names)
    ]
    facts.append(
        _plus_minus(
            "traffic, yearly amplitude", "frac", _yearly_amplitude(real), _yearly_amplitude(traffic), 0.02, source
        )
    )
    energy = _read(recorded, "alt/eia_energy_weekly.parquet")
    petrol = energy[energy["series_id"].str.contains("Product Supplied of Finished Motor Gasoline")].set_index("date")[
        "value"
    ]
    utilities = ours[ours["kind"] == "utilities"].drop_duplicates("speaks_for").set_index("speaks_for")["value"]
    facts.append(
        _plus_minus(
            "utility use, yearly amplitude",
            "frac",
            _yearly_amplitude(petrol),
            _yearly_amplitude(utilities),
            0.015,
            "EIA weekly petrol supplied",
        )
    )
    return facts


def _weekdays(series: pd.Series) -> NDArray[np.float64]:
    """Means of Monday..Friday over their mean."""
    weekday = pd.DatetimeIndex(series.index).day_of_week.to_numpy()
    values = series.to_numpy(dtype=np.float64)
    means = np.array([values[weekday == place].mean() for place in range(5)])
    return np.asarray(means / means.mean())


def _yearly_amplitude(series: pd.Series) -> float:
    """First yearly harmonic of the log over a linear trend and weekday means."""
    index = pd.DatetimeIndex(series.index)
    angle = 2.0 * np.pi * index.day_of_year.to_numpy() / 365.25
    trend = (index - index[0]).days.to_numpy() / 365.25
    weekday = (index.day_of_week.to_numpy()[:, None] == np.unique(index.day_of_week)).astype(np.float64)
    design = np.column_stack([np.cos(angle), np.sin(angle), trend, trend**2, weekday])
    fitted = np.linalg.lstsq(design, np.log(series.to_numpy(dtype=np.float64)), rcond=None)[0]
    return float(np.hypot(fitted[0], fitted[1]))


def _crypto_facts(recorded: Path, seen: _Seen) -> list[Fact]:
    source = "Binance spot, daily"
    candles = _read(recorded, "ohlcv/crypto_spot_1d.parquet").rename(
        columns={"symbol": "instrument_id", "quote_volume_approx": "turnover_ccy"}
    )
    candles["day"] = candles["ts"].dt.tz_localize(None)
    ours = pd.concat(seen.crypto, ignore_index=True)
    ours = ours[~ours["instrument_id"].str.endswith("-PERP")]
    real = {coin: facts for coin, facts in _coin_statistics(candles).items() if facts["sd"] >= _PEGGED_SD}
    simulated = _coin_statistics(ours)
    recorded_btc, btc = real["BTCUSDT"], simulated["sim:BTCUSDT"]
    pairs = [_pair_correlation(frame, since) for frame, since in ((candles, "2025-03-01"), (ours, "1900-01-01"))]
    fits = [np.polyfit(np.log(_each(part, "adv")), np.log(_each(part, "amihud")), 1) for part in (real, simulated)]
    at_100m = [float(np.exp(np.polyval(fit, np.log(1e8)))) for fit in fits]
    middle = {
        name: [float(np.median(_each(part, name))) for part in (real, simulated)]
        for name in ("weekend", "range", "volume_lag1")
    }
    return [
        _times("largest coin, sd of daily log return", "frac", recorded_btc["sd"], btc["sd"], 1.25, source),
        _kurtosis_fact(candles, len(seen.crypto), btc["kurtosis"], source),
        _plus_minus("largest coin, autocorrelation of absolute returns, lag 1", "1", recorded_btc["lag1"], btc["lag1"], 0.08, source),
        _plus_minus("largest coin, autocorrelation of absolute returns, lag 10", "1", recorded_btc["lag10"], btc["lag10"], 0.08, source),
        _plus_minus("correlation of daily returns, mean over pairs", "1", pairs[0], pairs[1], 0.12, source),
        _plus_minus("weekend turnover over weekday, median over pairs", "1", middle["weekend"][0], middle["weekend"][1], 0.1, source),
        _plus_minus("Amihud on mean turnover, log-log slope", "1", float(fits[0][0]), float(fits[1][0]), 0.2, source),
        _times("Amihud at 100 M USD a day", "bps per M USD", at_100m[0], at_100m[1], 2.0, source),
        _plus_minus("log high over low, over absolute return", "1", middle["range"][0], middle["range"][1], 0.4, source),
        _plus_minus("log turnover, autocorrelation lag 1, median", "1", middle["volume_lag1"][0], middle["volume_lag1"][1], 0.15, source),
    ]  # fmt: skip


def _kurtosis_fact(candles: pd.DataFrame, days: int, simulated: float, source: str) -> Fact:
    """Excess kurtosis against the range over recorded windows of as many days: one crash decides it."""
    close = candles[candles["instrument_id"] == "BTCUSDT"].sort_values("day")["close"].to_numpy(dtype=np.float64)
    returns = np.diff(np.log(close))
    length = min(days, returns.size)
    windows = [_kurtosis(returns[begin : begin + length]) for begin in range(0, returns.size - length + 1, 30)]
    return Fact(
        "largest coin, excess kurtosis",
        "1",
        float(np.median(windows)),
        simulated,
        min(windows),
        max(windows),
        f"{source}, windows of {length} days",
    )


def _coin_statistics(candles: pd.DataFrame) -> dict[str, dict[str, float]]:
    """Per coin: sd, excess kurtosis, |r| autocorrelations, mean turnover, Amihud, weekend factor, range ratio."""
    coins: dict[str, dict[str, float]] = {}
    for coin, part in candles.sort_values("day").groupby("instrument_id"):
        part = part[part["turnover_ccy"] > 0]
        returns = np.diff(np.log(part["close"].to_numpy(dtype=np.float64)))
        turnover = part["turnover_ccy"].to_numpy(dtype=np.float64)
        move = np.abs(returns)
        weekend = pd.DatetimeIndex(part["day"]).day_of_week.to_numpy() >= 5
        width = np.log(part["high"].to_numpy(dtype=np.float64) / part["low"].to_numpy(dtype=np.float64))
        coins[str(coin)] = {
            "sd": float(returns.std(ddof=1)),
            "kurtosis": _kurtosis(returns),
            "lag1": _autocorrelation(move, 1),
            "lag10": _autocorrelation(move, 10),
            "adv": float(turnover.mean()),
            "amihud": float((move * 1e4 / (turnover[1:] / 1e6)).mean()),
            "weekend": float(turnover[weekend].mean() / turnover[~weekend].mean()),
            "range": float(width.mean() / move.mean()),
            "volume_lag1": _autocorrelation(np.log(turnover), 1),
        }
    return coins


def _each(coins: dict[str, dict[str, float]], statistic: str) -> NDArray[np.float64]:
    return np.array([facts[statistic] for facts in coins.values()])


def _kurtosis(values: NDArray[np.float64]) -> float:
    """Excess kurtosis of a sample, 0 for a normal one."""
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2 - 3.0)


def _pair_correlation(candles: pd.DataFrame, since: str) -> float:
    prices = candles[candles["day"] >= since].pivot(index="day", columns="instrument_id", values="close")
    returns = prices.apply(np.log).diff()
    matrix = returns.loc[:, returns.std() >= _PEGGED_SD].corr().to_numpy()
    return float(np.nanmean(matrix[np.triu_indices(len(matrix), 1)]))


def _autocorrelation(values: NDArray[np.float64], lag: int) -> float:
    return _correlation(values[lag:], values[:-lag])
