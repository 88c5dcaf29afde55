"""Which reader a path needs."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from liquidity.book.grid import BookGrid
from liquidity.domain.errors import ConfigError
from resources.tapes.raw import RawTape
from resources.tapes.recorded import RecordedTape, recorded_stem
from resources.tapes.segment_tape import SegmentTape, segment_files
from resources.tapes.tape import SeveralTapes, Tape

__all__ = ["open_tape"]


def open_tape(
    paths: Path | Sequence[Path], *, venue: str | None = None, grids: Mapping[str, BookGrid] | None = None
) -> Tape:
    """Open recorded market data; what it is shows in the name.

    Parameters
    ----------
    paths
        A capture (``.jsonl``, ``.jsonl.gz``); any file of a recorded parquet set, or its stem (``X`` of
        ``X.depth.parquet``); a segment (``.book.parquet``) or a recording's folder at any level. Several are read as
        one tape.
    venue
        Venue id where the file does not tell.
    grids
        Steps and units of known markets by venue symbol; without it they are scanned (exactly, one more pass).

    Raises
    ------
    ConfigError
        Nothing there, or a kind of file that no reader knows.
    """
    if isinstance(paths, Path):
        return _open(paths, venue, grids)
    if not paths:
        raise ConfigError("tape: no file named; name a capture, a recorded parquet set or a recording's folder")
    return _open(paths[0], venue, grids) if len(paths) == 1 else SeveralTapes([_open(p, venue, grids) for p in paths])


def _open(path: Path, venue: str | None, grids: Mapping[str, BookGrid] | None) -> Tape:
    if path.is_file() and path.name.removesuffix(".gz").endswith((".jsonl", ".ndjson")):
        return RawTape(path, venue=venue, grids=grids)
    stem = recorded_stem(path)
    if stem is not None:
        return RecordedTape(stem, venue=venue, grids=grids)
    if segment_files(path):
        return SegmentTape(path)
    raise ConfigError(
        f"{path}: no tape; allowed a capture (.jsonl, .jsonl.gz), a recorded set (.depth.parquet beside "
        ".snapshot.parquet) or a recording's folder of segments (.book.parquet)"
    )
