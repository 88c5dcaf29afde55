"""Generated order-book tapes of perpetuals: a few minutes a day, with what was planted in them.

Calibrated on recorded minutes of a BTC perpetual (docs/methodology/simulator.md): one-tick spread, depth that grows
faster than its band, heavy-tailed level sizes, bursty takers with persistent sides. Levels come from a target shape,
not from matched orders, so queues and cancellations of single orders are not in it.
Read next: ``crypto_events.py`` (what is planted), ``_crypto_kernel.py`` (the compiled pass), ``crypto_recording.py``
(what a recorder keeps of it).
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import accumulate
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ConfigError
from liquidity.simulation._crypto_kernel import book_kernel
from liquidity.simulation.crypto_events import BookCrisis, PlantedLevel, PlantedLoss, crisis_of, level_times
from liquidity.simulation.crypto_recording import TapeRows, as_recorded
from liquidity.simulation.streams import stream

__all__ = [
    "FOLLOWER_VENUE",
    "LEADER_VENUE",
    "TAPE_COINS",
    "BookConditions",
    "GeneratedBook",
    "TapeBook",
    "TapeConfig",
    "TapeTrades",
    "generate_day",
    "tape_books",
]

LEADER_VENUE: Final = "sim"
FOLLOWER_VENUE: Final = "sim_b"
"""A second venue of the first coin, whose price follows the first venue's by ``TapeConfig.lag_ms``."""

_NS: Final = 1_000_000_000
_DEPTH_POWER: Final = 1.30  # depth within x bps grows like x ** 1.3 up to _BEND_BPS, more slowly beyond
_BEND_BPS: Final = 50.0
_FAR_POWER: Final = 0.60
_NEAR_SHARE: Final = 0.68  # share of ticks with a level near the touch, thinning out beyond _THIN_BPS
_THIN_BPS: Final = 28.0
_REACH_FRAC: Final = 0.105
_SIZE_SD: Final = 1.7
_DELETE_FRAC: Final = 0.15
_CHURN_BPS: Final = 6.5
_CHURN_SD: Final = 1.32
_CHURN_COUNT_SD: Final = 0.9
_CLUSTERS_PER_S: Final = 15.7
_CLUSTER_SD: Final = 2.3
_FILLS_MEAN: Final = 4.0
_BURST_SHARE: Final = 0.5
_BURST_SPEED: Final = 12.0
_SIGN_KEEP: Final = 0.941
_SIGN_WEIGHT: Final = 0.344
_FLOW_SHARE: Final = 0.3  # of the price's variance that comes from takers
_LATENCY_NS: Final = 24_000_000


@dataclass(frozen=True, slots=True)
class TapeBook:
    """One book: its name, its steps, and how busy it is next to the recorded BTC perpetual (fraction)."""

    venue: str
    venue_symbol: str
    coin: str
    tick_size: Decimal
    lot_size: Decimal
    activity_frac: float

    @property
    def instrument_id(self) -> str:
        """``VENUE:LOCAL``."""
        return f"{self.venue}:{self.venue_symbol}"


_STEPS: Final = {
    "BTC": (Decimal("0.1"), Decimal("0.001"), 1.0),
    "ETH": (Decimal("0.01"), Decimal("0.001"), 0.5),
    "SOL": (Decimal("0.001"), Decimal("0.01"), 0.25),
}
TAPE_COINS: Final = tuple(_STEPS)


@dataclass(frozen=True, slots=True)
class TapeConfig:
    """Which tapes are generated; equal values give equal tapes.

    Parameters
    ----------
    seed
        Root of every random stream.
    coins
        Coins with a perpetual on :data:`LEADER_VENUE`, among :data:`TAPE_COINS`; the first also trades on
        :data:`FOLLOWER_VENUE`.
    minutes
        Recorded a day, 1-60, ending one minute before midnight UTC.
    messages_per_s
        Book messages of the busiest book, 1-100.
    rows_per_message
        Mean level changes besides those that price moves cause.
    lag_ms
        Delay of the follower, 0-5000 ms.
    """

    seed: int = 7
    coins: tuple[str, ...] = TAPE_COINS
    minutes: int = 5
    messages_per_s: float = 19.0
    rows_per_message: float = 68.0
    lag_ms: float = 400.0

    def __post_init__(self) -> None:
        """Refuse values outside their range."""
        bounds = {"seed": (0, 2**63 - 1), "minutes": (1, 60), "messages_per_s": (1, 100), "rows_per_message": (0, 1000), "lag_ms": (0, 5000)}  # fmt: skip
        for name, (lowest, highest) in bounds.items():
            value = getattr(self, name)
            if not lowest <= value <= highest:
                raise ConfigError(f"generated tapes: {name} is {value!r}; allowed: {lowest:g} to {highest:g}")
        if not self.coins or len(set(self.coins)) != len(self.coins) or not set(self.coins) <= set(_STEPS):
            raise ConfigError(f"generated tapes: coins {self.coins}; allowed: some of {list(TAPE_COINS)}, each once")


@dataclass(frozen=True, slots=True)
class BookConditions:
    """State of one coin's perpetual on one day; the defaults are those of the recorded minutes.

    Parameters
    ----------
    price
        Price at the start, quote currency.
    daily_sd_frac
        Deviation of daily log returns, fraction.
    spread_bps
        Usual full spread; a tick where it is less.
    depth_10bps_quote
        Value resting on each side within 10 bps of mid.
    turnover_quote
        Value traded in 24 hours at the tape's pace.
    """

    price: float = 61_800.0
    daily_sd_frac: float = 0.0367
    spread_bps: float = 0.0162
    depth_10bps_quote: float = 9.03e6
    turnover_quote: float = 3.6e10

    def in_crisis(self, crisis: BookCrisis | None) -> "BookConditions":
        """The same day with a planted crisis, where there is one: less depth, a wider spread, wilder prices."""
        if crisis is None:
            return self
        return replace(
            self,
            spread_bps=self.spread_bps * crisis.spread_factor,
            depth_10bps_quote=self.depth_10bps_quote * crisis.depth_factor,
            daily_sd_frac=self.daily_sd_frac * 1.5,
        )


@dataclass(frozen=True, slots=True, eq=False)
class TapeTrades:
    """Trades in stream order: times in ns since 1970 UTC, whole ticks and lots, taker +1 buyer or -1 seller."""

    received_ns: NDArray[np.int64]
    event_ns: NDArray[np.int64]
    trade_id: NDArray[np.int64]
    price_ticks: NDArray[np.int64]
    size_lots: NDArray[np.int64]
    taker_sign: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class GeneratedBook:
    """One book of one day with its ground truth.

    ``best_bid_ticks`` and ``best_ask_ticks`` are the true best quotes at each of ``event_ns``, lost messages included.
    """

    book: TapeBook
    rows: TapeRows
    trades: TapeTrades
    losses: tuple[PlantedLoss, ...]
    levels: tuple[PlantedLevel, ...]
    crisis: BookCrisis | None
    event_ns: NDArray[np.int64]
    best_bid_ticks: NDArray[np.int64]
    best_ask_ticks: NDArray[np.int64]


def tape_books(config: TapeConfig) -> tuple[TapeBook, ...]:
    """Books in the order of their random streams: the follower, then one per coin.

    Examples
    --------
    >>> [book.instrument_id for book in tape_books(TapeConfig(coins=("BTC", "ETH")))]
    ['sim_b:BTCUSDT-PERP', 'sim:BTCUSDT-PERP', 'sim:ETHUSDT-PERP']
    """
    leaders = [TapeBook(LEADER_VENUE, f"{coin}USDT-PERP", coin, *_STEPS[coin]) for coin in config.coins]
    first = leaders[0]
    return (replace(first, venue=FOLLOWER_VENUE, activity_frac=0.5 * first.activity_frac), *leaders)


def generate_day(
    config: TapeConfig, day: date, conditions: dict[str, BookConditions], crises: tuple[BookCrisis, ...] = ()
) -> list[GeneratedBook]:
    """Generate the tapes of one UTC day.

    Parameters
    ----------
    conditions
        By coin; one for each of ``config.coins``.

    Returns
    -------
    list of GeneratedBook
        In the order of :func:`tape_books`. A day never depends on another day.
    """
    books = tape_books(config)
    rngs = stream(config.seed, day, "tapes").spawn(len(books))
    close = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=23, minutes=59)
    start_ns = (int(close.timestamp()) - 60 * config.minutes) * _NS
    made: list[GeneratedBook] = []
    lead_rng = rngs[1]
    lead_state = lead_rng.bit_generator.state
    for number, (book, rng) in enumerate(zip(books, rngs, strict=True)):
        crisis = crisis_of(crises, book.coin, day)
        state = conditions[book.coin].in_crisis(crisis)
        if number == 0:  # the follower's price is the leader's: drawn from the leader's stream, which is then rewound
            flow = _Flow(config, books[1], state, start_ns, lead_rng)
            lead_rng.bit_generator.state = lead_state
            made.append(_generate(config, book, state, crisis, start_ns, rng, flow))
        else:
            made.append(_generate(config, book, state, crisis, start_ns, rng, None))
    return made


class _Flow:
    """Takers and the mid they move, at the times of the book's messages."""

    def __init__(
        self, config: TapeConfig, book: TapeBook, state: BookConditions, start_ns: int, rng: np.random.Generator
    ) -> None:
        seconds = 60.0 * config.minutes
        pace = max(book.activity_frac, 0.05)
        count = max(2, round(seconds * config.messages_per_s * np.sqrt(pace)))
        jitter = rng.uniform(-0.4, 0.4, count)
        self.at_s = (np.arange(count) + 0.5 + jitter) * (seconds / count)
        self.event_ns = start_ns + (self.at_s * _NS).astype(np.int64)
        clusters_per_s = _CLUSTERS_PER_S * pace
        gaps = rng.exponential(1.0, max(4, int(seconds * clusters_per_s * 1.3) + 8))
        burst = rng.random(gaps.size) < _BURST_SHARE
        slow = (1.0 - _BURST_SHARE / _BURST_SPEED) / (1.0 - _BURST_SHARE)
        cluster_s = np.cumsum(np.where(burst, gaps / _BURST_SPEED, gaps * slow)) / clusters_per_s
        self.cluster_s = cluster_s[cluster_s < seconds]
        clusters = self.cluster_s.size
        self.cluster_sign = _persistent_signs(rng, clusters)
        median = state.turnover_quote / 86_400.0 / clusters_per_s / np.exp(0.5 * _CLUSTER_SD**2)
        self.cluster_quote = median * np.exp(_CLUSTER_SD * np.clip(rng.standard_normal(clusters), -4.0, 3.2))
        self.fills = rng.geometric(1.0 / _FILLS_MEAN, clusters)
        before = np.searchsorted(self.at_s, self.cluster_s)
        signed = np.bincount(
            np.minimum(before, count - 1),
            weights=self.cluster_sign * np.log1p(self.cluster_quote / median),
            minlength=count,
        )
        spread = float(signed.std()) or 1.0
        noise = np.sqrt(1.0 - _FLOW_SHARE) * rng.standard_normal(count) + np.sqrt(_FLOW_SHARE) * signed / spread
        step = state.daily_sd_frac * np.sqrt(seconds / count / 86_400.0)
        self.log_mid = np.log(state.price) + np.cumsum(step * (noise - noise.mean()))


def _persistent_signs(rng: np.random.Generator, n: int) -> NDArray[np.int8]:
    """Signs whose autocorrelation is (2/pi) arcsin of w k**lag: the sign of a slow Gaussian wave in noise."""
    fresh = np.sqrt(1.0 - _SIGN_KEEP**2) * rng.standard_normal(n)
    wave = np.fromiter(accumulate(fresh.tolist(), lambda before, shock: _SIGN_KEEP * before + shock), np.float64, n)
    mixed = np.sqrt(_SIGN_WEIGHT) * wave + np.sqrt(1.0 - _SIGN_WEIGHT) * rng.standard_normal(n)
    return np.where(mixed >= 0.0, 1, -1).astype(np.int8)


def _generate(
    config: TapeConfig,
    book: TapeBook,
    state: BookConditions,
    crisis: BookCrisis | None,
    start_ns: int,
    rng: np.random.Generator,
    leader: _Flow | None,
) -> GeneratedBook:
    flow = _Flow(config, book, state, start_ns, rng)
    log_mid = flow.log_mid
    if leader is not None:
        late = np.interp(flow.at_s - config.lag_ms / 1e3, leader.at_s, leader.log_mid)
        log_mid = late + 0.2e-4 * rng.standard_normal(late.size)
    tick, lot = float(book.tick_size), float(book.lot_size)
    wide = np.maximum(1, rng.poisson(max(state.spread_bps * 1e-4 * state.price / tick - 1.0, 0.0), log_mid.size) + 1)
    bid = np.floor(np.exp(log_mid) / tick - 0.5 * (wide - 1)).astype(np.int64)
    ask = bid + wide
    messages = bid.size
    occupied, mean_lots = _shape(state, tick, lot)
    per_s = messages / (60.0 * config.minutes)
    levels, placed = _planted(book, state, rng, bid, ask, per_s, flow.event_ns)
    busy = config.rows_per_message * np.sqrt(max(book.activity_frac, 0.05))
    churn = rng.poisson(
        np.maximum(busy, 0.01) * np.exp(_CHURN_COUNT_SD * rng.standard_normal(messages) - 0.5 * _CHURN_COUNT_SD**2)
    )
    message, side, ticks, lots = _run_kernel(rng, bid, ask, churn, placed, occupied, mean_lots, state.price / tick)
    received = flow.event_ns + _LATENCY_NS + rng.integers(0, 12_000_000, messages)
    received = np.maximum.accumulate(received)
    rows, losses = as_recorded(book.instrument_id, flow.event_ns, received, message, side, ticks, lots, rng)
    return GeneratedBook(
        book, rows, _trades(flow, bid, ask, tick, lot, rng), losses, levels, crisis, flow.event_ns, bid, ask
    )


def _shape(state: BookConditions, tick: float, lot: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of ticks with a level, and mean lots of such a level, by distance from the touch in ticks."""
    reach = int(_REACH_FRAC * state.price / tick)
    bps = (np.arange(reach + 1) * tick / state.price) * 1e4
    near = state.depth_10bps_quote * (np.minimum(bps, _BEND_BPS) / 10.0) ** _DEPTH_POWER
    far = np.maximum(bps / _BEND_BPS, 1.0) ** _FAR_POWER
    value = np.diff(near * far)
    occupied = _NEAR_SHARE * np.minimum(1.0, (_THIN_BPS / np.maximum(bps[1:], 1e-9)) ** 1.5)
    mean_lots = value / occupied / (state.price * lot)
    mean_lots[:2] = max(mean_lots[0], mean_lots[min(8, reach - 1)])  # the touch is where orders queue
    return occupied, np.maximum(mean_lots, 1.0)


_Placed = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _planted(
    book: TapeBook,
    state: BookConditions,
    rng: np.random.Generator,
    bid: NDArray[np.int64],
    ask: NDArray[np.int64],
    per_s: float,
    event_ns: NDArray[np.int64],
) -> tuple[tuple[PlantedLevel, ...], _Placed]:
    """A wall and a spoof a day, outside the range the price will visit; and what the kernel needs to place them."""
    tick, lot = float(book.tick_size), float(book.lot_size)
    levels: list[PlantedLevel] = []
    placed: list[tuple[int, int, int, int, int]] = []
    kinds: tuple[Literal["wall", "spoof"], ...] = ("wall", "spoof")
    for kind in kinds:
        shown = level_times(rng, kind, bid.size, per_s)
        side = int(rng.integers(2))
        away = max(2, round(float(rng.uniform(4.0, 9.0)) * 1e-4 * state.price / tick))
        notional = 2.0 * state.depth_10bps_quote * float(rng.uniform(0.9, 1.3))
        if not shown:
            continue
        first, last = shown[0][0], shown[-1][1]
        at = int(bid[first : last + 1].min()) - away if side == 0 else int(ask[first : last + 1].max()) + away
        lots = max(1, round(notional / (at * tick) / lot))
        placed += [(begin, until, side, at, lots) for begin, until in shown]
        times = tuple((int(event_ns[begin]), int(event_ns[until])) for begin, until in shown)
        levels.append(
            PlantedLevel(
                book.instrument_id, kind, "bid" if side == 0 else "ask", at * tick, lots * lot * at * tick, times
            )
        )
    columns = np.array(placed, dtype=np.int64).reshape(-1, 5).T
    return tuple(levels), (columns[0], columns[1], columns[2], columns[3], columns[4])


def _run_kernel(
    rng: np.random.Generator,
    bid: NDArray[np.int64],
    ask: NDArray[np.int64],
    churn: NDArray[np.int64],
    placed: _Placed,
    occupied: NDArray[np.float64],
    mean_lots: NDArray[np.float64],
    price_ticks: float,
) -> tuple[NDArray[np.int64], NDArray[np.int8], NDArray[np.int64], NDArray[np.int64]]:
    moves = int(np.abs(np.diff(bid)).sum() + np.abs(np.diff(ask)).sum())
    room = int(2 * occupied.sum() * 1.2) + 4096 + moves + int(churn.sum()) + 8 * bid.size
    message, side = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int8)
    ticks, lots = np.empty(room, dtype=np.int64), np.empty(room, dtype=np.int64)
    n = book_kernel()(
        rng, bid, ask, churn, *placed, occupied, mean_lots, _CHURN_BPS * 1e-4 * price_ticks, _CHURN_SD, _SIZE_SD,
        _DELETE_FRAC, message, side, ticks, lots,
    )  # fmt: skip
    if n < 0:
        raise ConfigError("generated tapes: more rows than foreseen; lower rows_per_message")
    return message[:n], np.where(side[:n] == 0, 1, -1).astype(np.int8), ticks[:n], lots[:n]


def _trades(
    flow: _Flow, bid: NDArray[np.int64], ask: NDArray[np.int64], tick: float, lot: float, rng: np.random.Generator
) -> TapeTrades:
    """Fills of each cluster at the touch of its moment and a tick or so beyond for each further fill."""
    cluster = np.repeat(np.arange(flow.fills.size), flow.fills)
    first = np.repeat(np.cumsum(flow.fills) - flow.fills, flow.fills)
    number = np.arange(cluster.size) - first
    share = rng.exponential(1.0, cluster.size)
    share /= np.bincount(cluster, weights=share)[cluster] if cluster.size else 1.0
    seen = np.maximum(np.searchsorted(flow.at_s, flow.cluster_s, side="right") - 1, 0)[cluster]
    sign = flow.cluster_sign[cluster]
    price = np.where(sign > 0, ask[seen] + number // 2, bid[seen] - number // 2)
    lots = np.maximum(1, np.round(flow.cluster_quote[cluster] * share / (price * tick) / lot)).astype(np.int64)
    start_ns = int(flow.event_ns[0]) - int(flow.at_s[0] * _NS)
    event = start_ns + (flow.cluster_s[cluster] * _NS).astype(np.int64)
    received = np.maximum.accumulate(
        event + _LATENCY_NS + np.repeat(rng.integers(0, 9_000_000, flow.fills.size), flow.fills)
    )
    # Ids go on over days: a venue numbers all its trades.
    ids = start_ns // _NS * 1_000 + np.arange(cluster.size)
    return TapeTrades(received, event, ids, price.astype(np.int64), lots, sign)
