"""Where a row comes from: the recorded world or the simulator. The two are never peers, pools or cells together."""

from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:  # contracts name the origins; they load without pandas
    import pandas as pd

__all__ = ["MIXED", "ORIGINS", "SIMULATED", "is_simulated", "joint_origin", "origins"]

SIMULATED: Final = "simulated"
"""Value of ``source`` in every row that the simulator had a part in."""

ORIGINS: Final = ("recorded", SIMULATED)

MIXED: Final = "mixed"
"""Origin of a number made of both, or of nothing whose origin is known."""


def is_simulated(source: "pd.Series") -> NDArray[np.bool_]:
    """Rows whose ``source`` is the simulator; a null source is not.

    Examples
    --------
    >>> import pandas as pd
    >>> is_simulated(pd.Series(["nse_corporate_bonds", "simulated"])).tolist()
    [False, True]
    """
    return np.array((source == SIMULATED).to_numpy(dtype=np.bool_, na_value=False), dtype=np.bool_)


def origins(source: "pd.Series") -> NDArray[np.object_]:
    """Origin of each row, one of :data:`ORIGINS`.

    Examples
    --------
    >>> import pandas as pd
    >>> origins(pd.Series(["nse_corporate_bonds", "simulated"])).tolist()
    ['recorded', 'simulated']
    """
    return np.asarray(np.array(ORIGINS, dtype=object)[is_simulated(source).astype(np.intp)], dtype=np.object_)


def joint_origin(parts: NDArray[np.object_]) -> str:
    """Origin of what is made of parts: theirs where it is one, else :data:`MIXED`.

    Examples
    --------
    >>> joint_origin(np.array(["recorded", "recorded"], dtype=object)), joint_origin(np.array([], dtype=object))
    ('recorded', 'mixed')
    """
    found = set(parts.tolist())
    return str(found.pop()) if len(found) == 1 else MIXED
