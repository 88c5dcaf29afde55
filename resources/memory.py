"""Memory that nobody uses any more, back to the system: a day's tables differ in size, and the largest sets the peak.

Read next: ``lake.py`` and ``io_managers/contract_parquet.py``, which call it between tables.
"""

import ctypes

import pyarrow as pa

__all__ = ["give_back_memory"]


def give_back_memory() -> None:
    """Return what Arrow and the C library keep of freed tables; without effect where the library has no such call."""
    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc only
    if trim is not None:
        trim(0)
