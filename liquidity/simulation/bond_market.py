"""The bond side of the market: one session after another, and the tables that each session shows."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.instrument import SECTORS
from liquidity.domain.session import session_close, session_seconds
from liquidity.simulation.alternative import KIND_SECTORS, AlternativeReadings
from liquidity.simulation.auctions import hold_auctions
from liquidity.simulation.conditions import BondPricing, Conditions, calm, next_conditions, price_bonds
from liquidity.simulation.config import BOND_RATINGS, MarketConfig
from liquidity.simulation.dealer_quotes import DEPTH_BAND_BPS, SLOTS, full_spread_bps, quote_session
from liquidity.simulation.events import PlantedEvent
from liquidity.simulation.stories import next_tone, tell_stories
from liquidity.simulation.streams import stream
from liquidity.simulation.tables import MISSING_TIME
from liquidity.simulation.trades import BondTrades, inventory_after, session_bars, trade_session
from liquidity.simulation.universe import CREDIT_SPREAD_FRAC, Bonds, Issuers, draw_bonds, draw_issuers, replace_matured

__all__ = ["BOND_CALENDAR", "BOND_VENUE", "BondMarket", "BondSession"]

BOND_CALENDAR: Final = "XBOM"
BOND_VENUE: Final = "sim.dealers"
_US: Final = 1_000_000
_REPORT_DELAY_US: Final = 120 * _US
_LONG_OR_SHORT: Final = 0.5  # inventory units beyond which the band is not flat
Columns = dict[str, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class BondSession:
    """One session as it was: what the tables show of it, and what they hide; arrays run over bond slots."""

    day: date
    open_us: int
    close_us: int
    conditions: Conditions
    pricing: BondPricing
    price_before: NDArray[np.float64]
    lone_spread_bps: NDArray[np.float64]
    trades: BondTrades


class BondMarket:
    """Bonds, issuers and dealers that evolve from session to session.

    :meth:`advance` carries the state one session on (needed for every session since the start); :meth:`tables` draws
    what the session showed and changes nothing, so sessions that nobody asks for cost only the first.
    """

    def __init__(self, config: MarketConfig, start: date) -> None:
        self.config = config
        self.issuers: Issuers = draw_issuers(config, start)
        self.bonds: Bonds = draw_bonds(config, start, self.issuers)
        self._conditions = calm(config)
        self._price = price_bonds(self._conditions, self.issuers, self.bonds, start).fair_price
        self._inventory = np.zeros(config.bonds)
        self._last_trade_us = np.full(config.bonds, MISSING_TIME, dtype=np.int64)
        self._cover = np.full(config.issuers, np.nan)
        self._auction_us = np.full(config.issuers, MISSING_TIME, dtype=np.int64)
        self._tone = np.zeros(config.issuers)

    def advance(self, day: date, events: tuple[PlantedEvent, ...]) -> BondSession:
        """Carry the market through session ``day``; ``events`` are those active on it."""
        config, bonds, issuers = self.config, self.bonds, self.issuers
        close_us = int(session_close(BOND_CALENDAR, [day]).astype(np.int64)[0])
        open_us = close_us - int(session_seconds(BOND_CALENDAR)) * _US
        self._conditions = next_conditions(config, self._conditions, day, events)
        fresh = replace_matured(config, bonds, issuers, day, self._conditions.rate_frac, self._conditions.credit_factor)
        pricing = price_bonds(self._conditions, issuers, bonds, day)
        self._inventory[fresh] = 0.0
        self._last_trade_us[fresh] = MISSING_TIME
        price_before = self._price.copy()
        price_before[fresh] = pricing.fair_price[fresh]
        spread = full_spread_bps(config, issuers, bonds, pricing, day)
        trades = trade_session(
            config,
            self._conditions,
            issuers,
            bonds,
            pricing,
            spread,
            price_before,
            self._inventory,
            day,
            open_us,
            close_us,
        )
        self._last_trade_us[trades.bond] = trades.time_us  # ascending within a bond: the latest stays
        self._inventory = inventory_after(self._inventory, trades)
        self._cover, self._auction_us = hold_auctions(
            config, self._conditions, issuers, self._cover, self._auction_us, day, close_us
        )
        self._tone = next_tone(self._tone, stream(config.seed, day, "tone"))
        self._price = pricing.fair_price
        return BondSession(day, open_us, close_us, self._conditions, pricing, price_before, spread, trades)

    def order(self) -> NDArray[np.int64]:
        """Slots in the order of their ISINs."""
        places: NDArray[np.int64] = np.lexsort((self.bonds.serial, self.bonds.issuer)).astype(np.int64)
        return places

    def tables(
        self, session: BondSession, alternative: AlternativeReadings, events: tuple[PlantedEvent, ...]
    ) -> dict[str, Columns]:
        """Columns of the signal tables for the session just advanced through, rows in key order."""
        order = self.order()
        isin = self.bonds.isin[order].astype(object)
        own = {
            "session_date": _same(int(np.datetime64(session.day, "D").astype(np.int64)), order.size),
            "instrument_id": isin,
            "source": _same("simulated", order.size),
        }
        issuer_id = self.issuers.name.astype(object)[self.bonds.issuer[order]]
        made = {
            "instruments": self._instruments(order),
            **self._quotes_and_trades(session, order, events),
            "sentiment": self._sentiment(session, order),
        }
        tables = {name: own | columns for name, columns in made.items()}
        for name in ("instruments", "sentiment"):
            tables[name]["issuer_id"] = issuer_id
        tables["macro_series"] = _macro_series(session)
        tables["alt_signals"] = self._alternative(session, order, own, issuer_id, alternative)
        return tables

    def _instruments(self, order: NDArray[np.int64]) -> Columns:
        who = self.bonds.issuer[order]
        sector = self.issuers.sector[who]
        government = sector == SECTORS.index("GOVERNMENT")
        return {
            "asset_class": np.where(government, "bond_sovereign", "bond_corporate").astype(object),
            "sector": np.array(SECTORS, dtype=object)[sector],
            "rating": np.array(BOND_RATINGS, dtype=object)[self.issuers.rating[who]],
            "currency": _same("INR", order.size),
            "calendar": _same(BOND_CALENDAR, order.size),
            "issue_date": self.bonds.issue_day[order],
            "maturity_date": self.bonds.maturity_day[order],
            "amount_outstanding": self.bonds.outstanding_ccy[order],
        }

    def _quotes_and_trades(
        self, session: BondSession, order: NDArray[np.int64], events: tuple[PlantedEvent, ...]
    ) -> dict[str, Columns]:
        quotes = quote_session(
            self.config, session.conditions, self.issuers, self.bonds, session.pricing, session.lone_spread_bps,
            session.day, events,
        )  # fmt: skip
        bars = session_bars(session.trades, order.size)
        seen = quotes.last_slot >= 0
        through = (quotes.last_slot + 1) / SLOTS
        middle = session.price_before + (session.pricing.fair_price - session.price_before) * through
        half = quotes.closing_spread_bps / 2e4
        length_us = session.close_us - session.open_us
        quote_us = session.open_us + (through * length_us).astype(np.int64) - _US
        newest_us = np.maximum(
            np.where(seen, quote_us, MISSING_TIME), np.where(bars.last_us > 0, bars.last_us, MISSING_TIME)
        )
        silent = newest_us == MISSING_TIME  # the fact is then the venue's own report of a day without quote and trade
        known_us = _same(session.close_us + _REPORT_DELAY_US, order.size)
        microstructure: Columns = {
            "venue": _same(BOND_VENUE, order.size),
            "bid": np.round(middle * (1.0 - half), 4),
            "ask": np.round(middle * (1.0 + half), 4),
            "quoted_spread_bps": quotes.spread_bps,
            "spread_method": _text(seen, "time_weighted"),
            "depth_ccy": quotes.depth_ccy,
            "depth_band_bps": np.where(seen, DEPTH_BAND_BPS, np.nan),
            "l2_levels": np.where(seen, quotes.levels, np.nan),
            "open": bars.open,
            "high": bars.high,
            "low": bars.low,
            "close": bars.close,
            "adj_factor": np.ones(order.size),
            "vwap": bars.vwap,
            "trades_count": bars.count.astype(np.float64),
            "turnover_ccy": bars.turnover_ccy,
            "last_trade_at": self._last_trade_us,
            "observed_at": np.where(silent, session.close_us, newest_us),
        }
        who = self.bonds.issuer
        made: NDArray[np.bool_] = np.asarray(self.bonds.makers.any(axis=1))
        auctioned: NDArray[np.bool_] = self._auction_us[who] != MISSING_TIME
        newest_us = np.maximum(np.where(seen, quote_us, MISSING_TIME), self._auction_us[who])
        silent = (newest_us < session.open_us) & made
        auction_mm: Columns = {
            "auction_demand": self._cover[who],
            "auction_at": self._auction_us[who],
            "mm_online_ratio": quotes.online_frac,
            "mm_spread_bps": quotes.dealer_spread_bps,
            "quotes_count": np.where(made, quotes.quotes_count, np.nan),
            "mm_inventory_band": self._inventory_band(made),
            "observed_at": np.where(silent, session.close_us, newest_us),
        }
        told = made | auctioned  # no dealer and never an auction: there is nothing to say
        chosen = order[told[order]]
        shown = {"microstructure": (microstructure, order), "auction_mm": (auction_mm, chosen)}
        result: dict[str, Columns] = {}
        for name, (columns, rows) in shown.items():
            result[name] = {column: values[rows] for column, values in columns.items()}
            result[name]["known_at"] = known_us[: rows.size]
        result["auction_mm"]["instrument_id"] = self.bonds.isin[chosen].astype(object)
        for column in ("session_date", "source"):
            value = "simulated" if column == "source" else int(np.datetime64(session.day, "D").astype(np.int64))
            result["auction_mm"][column] = _same(value, chosen.size)
        return result

    def _inventory_band(self, made: NDArray[np.bool_]) -> NDArray[Any]:
        place = (self._inventory > -_LONG_OR_SHORT).astype(np.int64) + (self._inventory > _LONG_OR_SHORT)
        names = np.array(["short", "flat", "long", None], dtype=object)
        band: NDArray[Any] = names[np.where(made, place, 3)]
        return band

    def _sentiment(self, session: BondSession, order: NDArray[np.int64]) -> Columns:
        rng = stream(self.config.seed, session.day, "stories")
        crisis = np.maximum(session.conditions.issuer_crisis, 0.2 * session.conditions.market_crisis)
        stories = tell_stories(self.issuers.stories_a_day, self._tone, crisis, session.day, rng)
        day_us = int(np.datetime64(session.day, "us").astype(np.int64))
        observed = day_us + (stories.latest_frac * (session.close_us - day_us)).astype(np.int64)
        who = self.bonds.issuer[order]
        return {
            "sentiment_score": stories.score[who],
            "buzz_volume": stories.count[who].astype(np.float64),
            "topics": stories.topics[who],
            "observed_at": observed[who],
            "known_at": _same(session.close_us + _REPORT_DELAY_US, order.size),
        }

    def _alternative(
        self,
        session: BondSession,
        order: NDArray[np.int64],
        own: Columns,
        issuer_id: NDArray[Any],
        readings: AlternativeReadings,
    ) -> Columns:
        kinds = tuple(sorted(KIND_SECTORS))
        who = self.bonds.issuer[order]
        sector = self.issuers.sector[who]
        has = np.stack(
            [np.isin(sector, [SECTORS.index(name) for name in KIND_SECTORS[kind]]) for kind in kinds], axis=1
        )
        row, kind = np.nonzero(has)  # bond by bond, kinds in order: the order of the key
        close_us = session.close_us
        values = np.stack([getattr(readings, name) for name in kinds])
        day_us = [int(np.datetime64(day, "us").astype(np.int64)) for day in (readings.esg_day, readings.utilities_day)]
        observed = np.array([day_us[0], close_us, day_us[1]])
        known = np.array([day_us[0] + 3 * 3600 * _US, close_us + _REPORT_DELAY_US, day_us[1] + 3 * 3600 * _US])
        return {
            **{name: column[row] for name, column in own.items()},
            "kind": np.array(kinds, dtype=object)[kind],
            "issuer_id": issuer_id[row],
            "value": values[kind, who[row]],
            "unit": np.array(["score_0_100", "index_100", "index_100"], dtype=object)[kind],
            "observed_at": observed[kind],
            "known_at": known[kind],
        }


def _macro_series(session: BondSession) -> Columns:
    """Name what anybody can read of the market as a whole: the base rate and the BBB less AAA spread."""
    conditions = session.conditions
    places = [BOND_RATINGS.index(name) for name in ("BBB", "AAA")]
    spread_bps = 1e4 * float(np.subtract(*CREDIT_SPREAD_FRAC[places])) * conditions.credit_factor
    return {
        "session_date": _same(int(np.datetime64(session.day, "D").astype(np.int64)), 2),
        "series_id": np.array(["sim.base_rate", "sim.bbb_aaa_spread"], dtype=object),
        "value": np.array([conditions.rate_frac, spread_bps]),
        "unit": np.array(["frac a year", "bps"], dtype=object),
        "observed_at": _same(session.close_us, 2),
        "source": _same("simulated", 2),
    }


def _text(where: NDArray[np.bool_], text: str) -> NDArray[Any]:
    """Put the text where the condition holds, None elsewhere."""
    values: NDArray[Any] = np.full(where.size, None, dtype=object)
    values[where] = text
    return values


def _same(value: Any, rows: int) -> NDArray[Any]:
    return np.full(rows, value, dtype=object if isinstance(value, str) else np.int64)
