"""Brazilian government bonds: two-way dealer quotes of the treasury's retail platform, read several times a day.

``ask`` is the price at which an investor buys, ``bid`` the one at which it is redeemed. A snapshot belongs to the
session of its local day. Snapshots taken while the market was shut only repeat prices: they speak for a session that
has no other (quality rule ``outside_hours_snapshot``), and never for dealer presence.
"""

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import AUCTION_MM, INSTRUMENTS, MICROSTRUCTURE
from liquidity.domain.session import market_age_s
from resources.feeds._br_treasury_scrape import parse_scrape
from resources.feeds._dealer_presence import online_ratio, snapshot_weights_s
from resources.feeds._feed import Feed, FeedRoots
from resources.feeds._recording import (
    Recording,
    alive_days,
    closes_utc,
    contract_rows,
    open_recorded,
    refuse,
    split_sessions,
)

__all__ = ["NAME", "PAIRING_LIMIT", "open_feed", "quotes_of_scrape", "recording_of", "two_way_quotes"]

NAME: Final = "br_treasuries"
CALENDAR: Final = "BVMF"
ZONE: Final = "America/Sao_Paulo"
VENUE: Final = "tesouro_direto"
PAIRING_LIMIT: Final = pd.Timedelta(minutes=10)
"""The two sides are read one after the other: a bid list belongs to the ask list nearest in time, this far at most."""


def open_feed(roots: FeedRoots) -> Feed | None:
    """Open the feed on the recorded quotes; ``None`` when they are not there."""
    folder = None if roots.recorded is None else roots.recorded / "bonds"
    tables = ("instruments", "microstructure", "auction_mm")
    return open_recorded(NAME, tables, ("bond_sovereign",), _build, folder, ("br_treasury_quotes.parquet",))


def quotes_of_scrape(path: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Good rows (recorded-quotes columns) and refused rows of a scrape file in its original columns (CSV, maybe .gz)."""
    return parse_scrape(pd.read_csv(path, dtype="str", keep_default_na=False))


def two_way_quotes(quotes: pd.DataFrame) -> pd.DataFrame:
    """Pair each ask list with the bid list nearest in time and keep bonds on both.

    Parameters
    ----------
    quotes
        ``snapshot_utc, side, bond_id, price`` and more.

    Returns
    -------
    pd.DataFrame
        ``snapshot_utc`` (of the ask list), ``bond_id``, ``ask``, ``bid``, ``spread_bps`` (of mid; negative when crossed).
    """
    ask, bid = quotes[quotes["side"] == "ask"], quotes[quotes["side"] == "bid"]
    pairs = _paired_snapshots(quotes)
    both = (
        ask[["snapshot_utc", "bond_id", "price"]]
        .rename(columns={"price": "ask"})
        .merge(pairs, on="snapshot_utc")
        .merge(
            bid[["snapshot_utc", "bond_id", "price"]].rename(columns={"price": "bid", "snapshot_utc": "bid_snapshot"}),
            on=["bid_snapshot", "bond_id"],
        )
    )
    both["spread_bps"] = 2e4 * (both["ask"] - both["bid"]) / (both["ask"] + both["bid"])
    return both.sort_values(["snapshot_utc", "bond_id"], ignore_index=True)[
        ["snapshot_utc", "bond_id", "ask", "bid", "spread_bps"]
    ]


def _paired_snapshots(quotes: pd.DataFrame) -> pd.DataFrame:
    """``snapshot_utc`` of each ask list and the ``bid_snapshot`` read with it."""
    times = {side: rows["snapshot_utc"].drop_duplicates().sort_values() for side, rows in quotes.groupby("side")}
    if set(times) != {"ask", "bid"}:
        return pd.DataFrame(
            {"snapshot_utc": quotes["snapshot_utc"].iloc[:0], "bid_snapshot": quotes["snapshot_utc"].iloc[:0]}
        )
    return pd.merge_asof(
        times["ask"].to_frame(),
        times["bid"].to_frame("bid_snapshot"),
        left_on="snapshot_utc", right_on="bid_snapshot", direction="nearest", tolerance=PAIRING_LIMIT,
    ).dropna()  # fmt: skip


def recording_of(quotes: pd.DataFrame) -> Recording:
    """Tables of a history of quotes.

    Notes
    -----
    ``quoted_spread_bps`` is the median over the session's snapshots, on price: it moves with duration, because the
    platform administers the yield spread. ``mm_online_ratio`` is the share of observed open time in which the bond
    was on both lists; bonds are expected from a two-way quote within the previous 10 sessions. Set aside:
    ``broken_scrape`` (a list with titles that name no bond; the whole list), ``closed_day``, ``crossed_quote``,
    ``matured``, ``never_two_way`` (bonds that can only be redeemed).
    """
    broken_rows = (quotes["family"] == "OTHER") | (
        (quotes["family"] == "NTNB_PRINC") & (quotes["maturity"].dt.strftime("%m%d") == "1215")
    )
    broken = broken_rows.groupby([quotes["snapshot_utc"], quotes["side"]]).transform("any")
    aside = [refuse("microstructure", "broken_scrape", quotes[broken], "bond_id", "snapshot_utc", "price")]
    good = quotes[~broken].copy()
    good["session_date"] = (
        good["snapshot_utc"].dt.tz_convert(ZONE).dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    )
    matured = good["session_date"] >= good["maturity"]
    aside.append(refuse("microstructure", "matured", good[matured], "bond_id", "snapshot_utc", "price"))
    good, closed = split_sessions(good[~matured], "microstructure", CALENDAR, "bond_id")
    aside.append(closed)

    pairs = two_way_quotes(good)
    crossed = pairs["spread_bps"] < 0
    aside.append(refuse("microstructure", "crossed_quote", pairs[crossed], "bond_id", "snapshot_utc", "spread_bps"))
    days = good.drop_duplicates("snapshot_utc").set_index("snapshot_utc")["session_date"]
    pairs = pairs[~crossed].assign(session_date=lambda rows: rows["snapshot_utc"].map(days))
    never = ~good["bond_id"].isin(pairs["bond_id"])
    aside.append(refuse("microstructure", "never_two_way", good[never], "bond_id", "snapshot_utc", "side"))
    good = good[~never]

    alive = alive_days(pairs["bond_id"], pairs["session_date"], CALENDAR)
    alive = alive.merge(
        good.drop_duplicates("bond_id")[["bond_id", "maturity"]], left_on="instrument_id", right_on="bond_id"
    )
    alive = alive[alive["session_date"] < alive["maturity"]]
    tables = {
        "instruments": _instruments(alive),
        "microstructure": _microstructure(good, pairs, alive),
        "auction_mm": _presence(good, pairs, alive),
    }
    return Recording(tables, pd.concat(aside, ignore_index=True))


def _instruments(alive: pd.DataFrame) -> pd.DataFrame:
    return contract_rows(
        INSTRUMENTS,
        {
            "session_date": alive["session_date"],
            "instrument_id": "BVMF:" + alive["bond_id"],
            "asset_class": "bond_sovereign",
            "issuer_id": "Tesouro Nacional",
            "sector": "GOVERNMENT",
            "currency": "BRL",
            "calendar": CALENDAR,
            "maturity_date": alive["maturity"],
            "source": NAME,
        },
    )


def _in_hours(times: pd.Series) -> pd.Series:
    second = pd.Timedelta(seconds=1)
    return pd.Series(market_age_s(times - second, times, CALENDAR) > 0, index=times.index)


def _speaking(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep the snapshots that speak for each session: those in open hours, or all when there is none."""
    inside = _in_hours(rows["snapshot_utc"])
    any_inside = inside.groupby(rows["session_date"]).transform("any")
    return rows[inside | ~any_inside].assign(outside=~any_inside)


def _microstructure(good: pd.DataFrame, pairs: pd.DataFrame, alive: pd.DataFrame) -> pd.DataFrame:
    key = ["session_date", "bond_id"]
    spoken = _speaking(good)
    speaking = pairs[pairs["snapshot_utc"].isin(spoken["snapshot_utc"])]
    quoted = speaking.groupby(key).agg(
        bid=("bid", "last"), ask=("ask", "last"), spread=("spread_bps", "median"), at=("snapshot_utc", "last")
    )
    redeem_only = (
        spoken[spoken["side"] == "bid"]
        .sort_values("snapshot_utc")
        .groupby(key)
        .agg(bid=("price", "last"), at=("snapshot_utc", "last"))
    )
    rows = pd.concat([quoted, redeem_only[~redeem_only.index.isin(quoted.index)]]).reset_index()
    rows = rows.merge(alive[key], on=key)
    outside = rows["session_date"].map(spoken.groupby("session_date")["outside"].first())
    return contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": rows["session_date"],
            "instrument_id": "BVMF:" + rows["bond_id"],
            "venue": VENUE,
            "bid": rows["bid"],
            "ask": rows["ask"],
            "quoted_spread_bps": rows["spread"],
            "spread_method": rows["spread"].map(lambda value: None if np.isnan(value) else "snapshot_median"),
            "observed_at": rows["at"],
            "known_at": rows["at"],
            "source": NAME,
            "feed_rules": np.where(outside.to_numpy(dtype=bool), "outside_hours_snapshot", ""),
        },
    )


def _presence(good: pd.DataFrame, pairs: pd.DataFrame, alive: pd.DataFrame) -> pd.DataFrame:
    snapshots = _paired_snapshots(good).assign(
        session_date=lambda rows: rows["snapshot_utc"].map(
            good.drop_duplicates("snapshot_utc").set_index("snapshot_utc")["session_date"]
        )
    )
    inside = _in_hours(snapshots["snapshot_utc"])
    speaking = _speaking(snapshots)
    parts: list[pd.DataFrame] = []
    alive_by_day = dict(tuple(alive.groupby("session_date")["bond_id"]))
    pairs_by_day = dict(tuple(pairs.groupby("session_date")))
    for day, taken in speaking.groupby("session_date"):
        bonds = alive_by_day.get(day)
        if bonds is None:
            continue
        today = pairs_by_day.get(day, pairs.iloc[:0])
        today = today[today["snapshot_utc"].isin(taken["snapshot_utc"])]
        hourly = taken[inside[taken.index]]["snapshot_utc"].reset_index(drop=True)
        quoted = pd.crosstab(today["bond_id"], today["snapshot_utc"]).reindex(index=bonds, columns=hourly, fill_value=0)
        closes = closes_utc(CALENDAR, pd.Series([day])).iloc[0]
        spreads = today.groupby("bond_id")["spread_bps"].agg(["median", "size"]).reindex(bonds)
        parts.append(
            pd.DataFrame(
                {
                    "session_date": day,
                    "bond_id": bonds.to_numpy(),
                    "mm_online_ratio": online_ratio(quoted.to_numpy() > 0, snapshot_weights_s(hourly, closes)),
                    "mm_spread_bps": spreads["median"].to_numpy(),
                    "quotes_count": spreads["size"].fillna(0).to_numpy(),
                    "at": taken["snapshot_utc"].max(),
                    "snapshots_n": len(hourly),
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    return contract_rows(
        AUCTION_MM,
        {
            "session_date": rows["session_date"],
            "instrument_id": "BVMF:" + rows["bond_id"],
            "mm_online_ratio": rows["mm_online_ratio"],
            "mm_spread_bps": rows["mm_spread_bps"],
            "quotes_count": rows["quotes_count"],
            "observed_at": rows["at"],
            "known_at": rows["at"],
            "source": NAME,
            "feed_rules": np.select(
                [rows["snapshots_n"] == 0, rows["snapshots_n"] < 2],
                ["outside_hours_snapshot", "few_snapshots"],
                default="",
            ),
        },
    )


def _build(path: Path) -> Recording:
    return recording_of(pd.read_parquet(path))
