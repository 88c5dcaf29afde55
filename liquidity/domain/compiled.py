"""How a numeric kernel is compiled: one decorator, used by every compiled loop of the project.

numba itself is imported at the first use (0.6 s), so a module that may not need its kernel can name :func:`compiled`.
"""

from collections.abc import Callable
from typing import Any, Literal

__all__ = ["compiled"]


def compiled(
    *signatures: Any, error_model: Literal["numpy", "python"] = "numpy", counts_references: bool = True
) -> Callable[[Callable[..., Any]], Any]:
    """Compile a function to machine code that runs without the interpreter's lock, kept on disk where that is possible.

    Floating-point results are those of the operations as written: nothing is reordered, so the same inputs give the same
    bits, compiled or not.

    Parameters
    ----------
    *signatures
        Types of exactly those arguments that are taken; compiled when the function is decorated, and a call with others is
        a TypeError. None: compiled for each new combination of types at its first call, one thread at a time.
    error_model
        What a division by zero gives: ``"numpy"`` inf or NaN, ``"python"`` a ZeroDivisionError.
    counts_references
        False only for a function that makes no array and keeps none: its arrays are then not counted, which can halve the
        time of a short call. A function that does allocate is refused at compilation.

    Returns
    -------
    Callable
        Decorator that gives the compiled function (numba's dispatcher; the function itself under NUMBA_DISABLE_JIT).

    Notes
    -----
    Machine code is kept in NUMBA_CACHE_DIR, beside the source, or in the cache folder of the user, whichever can be written
    first. Where none can (a read-only image without a home), each process compiles anew: the same numbers, seconds later.
    Kept code is judged stale by the time and size of the kernel's own file alone. Keep functions that call each other in
    one file, and change the options below only together with ``NUMBA_CACHE_DIR`` or the kernels' files.

    Examples
    --------
    >>> @compiled("float64(float64[::1])")
    ... def total(values):
    ...     out = 0.0
    ...     for value in values:
    ...         out += value
    ...     return out
    >>> import numpy as np
    >>> total(np.array([1.0, 2.5]))
    3.5
    """
    import numba

    options = {"nogil": True, "error_model": error_model} | ({} if counts_references else {"_nrt": False})
    exact = [list(signatures)] if signatures else []

    def compile_one(function: Callable[..., Any]) -> Any:
        try:
            return numba.njit(*exact, cache=True, **options)(function)
        except RuntimeError as problem:
            if "cannot cache" not in str(problem):
                raise
            return numba.njit(*exact, **options)(function)

    return compile_one
