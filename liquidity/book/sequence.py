"""Sequence rules of the venues' book streams, as data: which message may follow which.

A rule is a chain of ids (:class:`Chain`) and a few facts about the stream (:class:`SequenceRule`); each venue's file in
``wire/`` names its own with the source. :func:`verdict` judges one delta by plain integers (``_sequence_kernel.py``), so
that the live synchroniser (``synchroniser.py``) and the compiled check of whole blocks (``block_sequence.py``) share one
judgement.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

from liquidity.book._sequence_kernel import APPLY, DUPLICATE, GAP, OLD, OUT_OF_ORDER, verdict

__all__ = [
    "APPLY",
    "DUPLICATE",
    "GAP",
    "OLD",
    "OUT_OF_ORDER",
    "Chain",
    "SequenceRule",
    "verdict",
]


class Chain(IntEnum):
    """How a venue's ids follow each other. ``S`` is the snapshot's id, ``last`` the id of the message applied last."""

    UNNUMBERED = 0
    """No ids: every message continues the book; only a checksum or a crossed book can tell a loss."""
    RANGE = 1
    """first..last ids; the first delta holds S+1, each next begins at last+1."""
    RANGE_AND_PREVIOUS = 2
    """first..last ids and the previous last; the first delta holds S or follows it, each next names last as previous."""
    PREVIOUS = 3
    """Each delta, the first included, names the id before it."""
    CONTIGUOUS = 4
    """Each delta is last+1."""
    NON_DECREASING = 5
    """Ids of a wider series: they may jump or repeat, and never go back."""


@dataclass(frozen=True, slots=True)
class SequenceRule:
    """One venue's stream.

    Parameters
    ----------
    source
        Where the rule is written, for the person who must defend it.
    chain
        How ids follow; ``older_chain`` instead for messages with neither ``first_id`` nor ``previous_id`` (a
        venue's older wire shape).
    snapshot_from
        ``request``: over REST beside the stream, deltas before it are buffered. ``stream``: sent on subscription, deltas
        before it belong to an older subscription.
    levels
        ``absolute``: a message replaces the sizes of its levels. ``offsets``: each level carries its own id and an older
        one is ignored. ``ids``: levels are named by id, and the decoder leaves the price empty for one never seen.
    snapshots_only
        Every message is a full book; none may be older than the one before (venue time).
    checksum
        Name of the venue's checksum of the book (``checksum.py``), ``None`` where it sends none.
    bounded_depth
        The venue stops to report levels that fall out of the subscribed depth: they must be removed by the reader.
    """

    source: str
    chain: Chain
    snapshot_from: Literal["request", "stream"]
    levels: Literal["absolute", "offsets", "ids"] = "absolute"
    snapshots_only: bool = False
    checksum: Literal["okx", "kraken"] | None = None
    bounded_depth: bool = False
    older_chain: Chain | None = None
