"""What is wrong with a tape: sequence, repeats, order, crossed books, clock, late snapshots, what was refused."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import numpy as np

from liquidity.book.block import NO_ID
from liquidity.book.book_features import INVALID_REASONS
from liquidity.book.chain_audit import ChainAudit, LostStretch
from liquidity.book.grid import BookGrid
from liquidity.book.ladder import Ladder
from liquidity.book.wire import rule_of
from resources.tapes.opening import open_tape
from resources.tapes.tape import BookKey, Checked, Head, Tape

__all__ = ["BookReport", "ClockOffset", "TapeReport", "check_tape"]

_MOST_BINS: Final = 65_536
_INVALIDATING = (
    "gap",
    "out_of_order",
    "unknown_level",
    "refused_level",
    "refused_snapshot",
    "unread",
    "oversized",
    "checksum",
    "off_grid",
    "crossed",
)


@dataclass(frozen=True, slots=True)
class ClockOffset:
    """Our clock minus the venue's at each message, milliseconds; negative: our clock was behind, delay included."""

    median_ms: float
    lowest_ms: float
    highest_ms: float


@dataclass(frozen=True, slots=True)
class BookReport:
    """One book of a tape.

    Attributes
    ----------
    deltas_n, snapshots_n, rows_n
        Messages as they came, and rows that were accepted.
    lost
        Stretches of missing messages; ``lost_estimate_n`` estimates their number from the silence and the stream's
        usual spacing (venue time where told), ``None`` without a loss or a spacing.
    duplicates_n, out_of_order_n
        By ids (``liquidity/book/chain_audit.py``); for Hyperliquid by venue time.
    old_levels_n
        Level updates older than the level (dYdX), left out.
    crossed_n
        Messages after which the best bid was at or above the best ask.
    clock
        ``None`` where the venue tells no time.
    buffered_n, snapshot_after_ms
        Deltas before the first snapshot, and how long after the first of them it came; ``None`` where it came first.
    checksums_n
        Checksums that agreed with the rebuilt book.
    is_numbered
        Whether a loss can be told from ids (or cannot happen, as every message is a full book).
    counts
        Everything the synchroniser counted, by reason.
    """

    venue: str
    venue_symbol: str
    grid: BookGrid
    deltas_n: int
    snapshots_n: int
    rows_n: int
    lost: Sequence[LostStretch]
    lost_estimate_n: int | None
    duplicates_n: int
    out_of_order_n: int
    old_levels_n: int
    crossed_n: int
    clock: ClockOffset | None
    buffered_n: int
    snapshot_after_ms: float | None
    checksums_n: int
    is_numbered: bool
    counts: Counter[str]

    @property
    def is_sound(self) -> bool:
        """Whether the tape gives this book without a break."""
        broken = sum(self.counts[reason] for reason in _INVALIDATING)
        return self.snapshots_n > 0 and not self.lost and not broken and self.crossed_n == 0

    def text(self) -> str:
        """Two or three lines to print."""
        lost = "no gap" if self.is_numbered else "no ids to check"
        if self.checksums_n:
            lost = f"{self.checksums_n:,} checksums agree" if not self.is_numbered else f"{lost}, checksums agree"
        if self.lost:
            ids = ", ".join(f"{gap.after_id}..{gap.before_id}" for gap in self.lost[:3])
            about = f", about {self.lost_estimate_n:,} messages" if self.lost_estimate_n is not None else ""
            lost = f"{len(self.lost)} gap{'s' if len(self.lost) > 1 else ''} (after {ids}{about})"
        lines = [
            f"{self.venue}:{self.venue_symbol}  tick {self.grid.tick_size} lot {self.grid.lot_size}  "
            f"{self.snapshots_n:,} snapshots, {self.deltas_n:,} deltas, {self.rows_n:,} rows accepted",
            f"  {lost}; {self.duplicates_n:,} duplicates, {self.out_of_order_n:,} out of order, "
            f"{self.old_levels_n:,} old level updates, {self.crossed_n:,} crossed",
        ]
        if self.clock is not None:
            lines.append(
                f"  our clock minus the venue's: median {self.clock.median_ms:,.1f} ms, "
                f"{self.clock.lowest_ms:,.1f} to {self.clock.highest_ms:,.1f} ms"
            )
        if self.snapshot_after_ms is not None:
            lines.append(
                f"  snapshot {self.snapshot_after_ms:,.0f} ms after the first delta: {self.buffered_n:,} buffered"
            )
        broken = {reason: self.counts[reason] for reason in _INVALIDATING if self.counts[reason]}
        if broken:
            told = ", ".join(f"{reason} {count:,}" for reason, count in broken.items())
            lines.append(f"  book lost: {told}; {self.counts['applied']:,} messages applied")
        return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class TapeReport:
    """All books of a tape, and what could not be read."""

    books: Sequence[BookReport]
    losses: Counter[str]

    @property
    def is_sound(self) -> bool:
        """Whether everything was read and every book is whole."""
        return not self.losses and all(book.is_sound for book in self.books)

    def text(self) -> str:
        """The report to print."""
        lines = [book.text() for book in self.books]
        if self.losses:
            lines.append(
                "not read: " + ", ".join(f"{reason} {count:,}" for reason, count in sorted(self.losses.items()))
            )
        return "\n".join(lines)


def check_tape(tape: Tape | Path | Sequence[Path]) -> TapeReport:
    """Judge a tape in one pass; memory is bounded, a capture's messages wait on disk until its grid is known.

    Raises
    ------
    ConfigError, ContractError, SourceUnavailableError
        As :func:`~resources.tapes.opening.open_tape`: nothing there, or no tape at all. Flaws inside are counted.
    """
    opened = tape if isinstance(tape, Tape) else open_tape(tape)
    seen: dict[BookKey, tuple[_Heads, _Rebuilt]] = {}
    for part in opened.checked():
        heads, rebuilt = seen.setdefault(part.key, (_Heads(part.key[0]), _Rebuilt(Ladder(part.grid))))
        for head in part.heads:
            heads.add(head)
        rebuilt.add(part)
    return TapeReport([_report(opened, key, *seen[key]) for key in opened.books if key in seen], Counter(opened.losses))


@dataclass(slots=True)
class _Rebuilt:
    """One book rebuilt from accepted rows."""

    ladder: Ladder
    rows_n: int = 0
    crossed_n: int = 0

    def add(self, part: Checked) -> None:
        if part.grid != self.ladder.grid:  # another file, which begins with its own snapshot
            self.ladder = Ladder(part.grid)
        self.rows_n += len(part.rows)
        reasons = self.ladder.apply(part.rows, every="message")["reason"]
        self.crossed_n += int(np.count_nonzero(reasons == INVALID_REASONS.index("crossed")))


class _Spread:
    """Median and range of many times, ns, in bounded memory: counts by bins of 10 us, wider where the range is wide."""

    def __init__(self) -> None:
        self._bin_ns = 10_000
        self._counts: Counter[int] = Counter()
        self.lowest = self.highest = 0

    def add(self, time_ns: int) -> None:
        if not self._counts:
            self.lowest = self.highest = time_ns
        self.lowest, self.highest = min(self.lowest, time_ns), max(self.highest, time_ns)
        self._counts[time_ns // self._bin_ns] += 1
        while len(self._counts) > _MOST_BINS:
            self._bin_ns *= 2
            wider: Counter[int] = Counter()
            for place, count in self._counts.items():
                wider[place // 2] += count
            self._counts = wider

    def median(self) -> float | None:
        """Middle of the bin that holds the median; ``None`` without a value."""
        below = 0
        for place in sorted(self._counts):
            below += self._counts[place]
            if 2 * below >= self._counts.total():
                return (place + 0.5) * self._bin_ns
        return None


@dataclass(slots=True)
class _Heads:
    """What the ids and times of one book's messages tell."""

    venue: str
    audit: ChainAudit = field(init=False)
    deltas_n: int = 0
    snapshots_n: int = 0
    first_delta_ns: int | None = None
    numbered_n: int = 0
    early_n: int = 0
    snapshot_after_ms: float | None = None
    offsets: _Spread = field(default_factory=_Spread)
    spacings: _Spread = field(default_factory=_Spread)
    last_ns: int | None = None

    def __post_init__(self) -> None:
        rule = rule_of(self.venue)
        self.audit = ChainAudit(rule.chain, rule.older_chain)

    def add(self, head: Head) -> None:
        if head.event_ns is not None:
            self.offsets.add(head.received_ns - head.event_ns)
        if head.is_snapshot:
            if self.snapshots_n == 0 and self.first_delta_ns is not None:
                self.early_n = self.deltas_n
                self.snapshot_after_ms = (head.received_ns - self.first_delta_ns) / 1e6
            self.snapshots_n += 1
            return
        if self.first_delta_ns is None:
            self.first_delta_ns = head.received_ns
        self.deltas_n += 1
        self.numbered_n += head.last_id != NO_ID
        at_ns = head.received_ns if head.event_ns is None else head.event_ns
        if self.last_ns is not None and at_ns > self.last_ns:
            self.spacings.add(at_ns - self.last_ns)
        self.last_ns = at_ns
        self.audit.add(head.first_id, head.last_id, head.previous_id, at_ns)

    def lost_estimate(self) -> int | None:
        usual = self.spacings.median()
        if not self.audit.lost or usual is None:
            return None
        return sum(max(1, round((gap.to_ns - gap.from_ns) / usual) - 1) for gap in self.audit.lost)

    def clock(self) -> ClockOffset | None:
        middle = self.offsets.median()
        if middle is None:
            return None
        return ClockOffset(middle / 1e6, self.offsets.lowest / 1e6, self.offsets.highest / 1e6)


def _report(tape: Tape, key: BookKey, heads: _Heads, rebuilt: _Rebuilt) -> BookReport:
    counts = Counter(tape.counts[key])
    late = counts["out_of_order"] if rule_of(key[0]).snapshots_only else heads.audit.out_of_order_n
    return BookReport(
        venue=key[0], venue_symbol=key[1], grid=tape.grid(*key), deltas_n=heads.deltas_n, snapshots_n=heads.snapshots_n,
        rows_n=rebuilt.rows_n, lost=tuple(heads.audit.lost), lost_estimate_n=heads.lost_estimate(),
        duplicates_n=heads.audit.duplicates_n, out_of_order_n=late, old_levels_n=counts["old_level"],
        crossed_n=rebuilt.crossed_n, clock=heads.clock(), buffered_n=heads.early_n, snapshot_after_ms=heads.snapshot_after_ms,
        checksums_n=counts["checksum_verified"],
        is_numbered=heads.numbered_n > 0 or rule_of(key[0]).snapshots_only, counts=counts,
    )  # fmt: skip
