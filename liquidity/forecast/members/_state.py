"""Reading a member's stored arrays: present, of the type and shape that the member writes, or a clear refusal."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import ContractError

__all__ = ["state_array"]


def state_array(
    state: Mapping[str, NDArray[Any]], member: str, name: str, kind: str, shape: tuple[int | None, ...]
) -> NDArray[Any]:
    """One array of a stored state.

    Parameters
    ----------
    state
        Arrays by name.
    member
        Who reads, for the message.
    name
        Name of the array.
    kind
        ``dtype.kind`` that is allowed: ``f`` float, ``i`` integer, ``b`` truth, ``U`` text.
    shape
        Lengths that are allowed; None allows any.

    Raises
    ------
    ContractError
        It is missing, of another type or shape, or holds a number that is not finite.
    """
    if name not in state:
        raise ContractError(f"{member}: the stored state lacks {name!r}; found {sorted(state)}; train again")
    array = np.asarray(state[name])
    fits = len(array.shape) == len(shape) and all(
        allowed is None or found == allowed for found, allowed in zip(array.shape, shape, strict=True)
    )
    if array.dtype.kind != kind or not fits:
        raise ContractError(
            f"{member}: stored {name!r} is {array.dtype} of shape {array.shape}, allowed is kind {kind!r} of shape {shape}; "
            "train again"
        )
    if kind == "f" and not np.isfinite(array).all():
        raise ContractError(f"{member}: stored {name!r} holds numbers that are not finite; train again")
    return array
