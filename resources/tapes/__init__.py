"""Tapes: recorded books and trades, in whatever format they were recorded, as one kind of object.

:func:`open_tape` reads raw captures (``raw.py``), recorded parquet sets (``recorded.py``) and our own recordings
(``segments.py``, which also writes them); ``check.py`` judges a tape. Read next: ``tape.py``.
"""

from resources.tapes.check import TapeReport, check_tape
from resources.tapes.opening import open_tape
from resources.tapes.segments import Gap, SegmentWriter, recover_segments, symbol_folder
from resources.tapes.tape import BookKey, Message, SeveralTapes, Tape, merged

__all__ = [
    "BookKey",
    "Gap",
    "Message",
    "SegmentWriter",
    "SeveralTapes",
    "Tape",
    "TapeReport",
    "check_tape",
    "merged",
    "open_tape",
    "recover_segments",
    "symbol_folder",
]
