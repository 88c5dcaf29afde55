"""The three feature tables of a session, made some instruments at a time.

An instrument's statistics, measures and features depend on its own past only, so any cut of the market into blocks gives
the same tables; memory is that of one block and of the results. Read next: ``rolling.py``, ``assemble.py``.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from typing import Final

import pandas as pd

from liquidity.contracts.features import LIQUIDITY_FEATURES, LIQUIDITY_MEASURES, ROLLING_STATISTICS
from liquidity.contracts.table import TableContract
from liquidity.features.assemble import FEATURE_INPUTS, TODAY_INPUTS, liquidity_features
from liquidity.features.rolling import ROLLING_INPUTS, rolling_statistics
from liquidity.measures import MEASURES, measure_sessions

__all__ = ["PANEL_INPUTS", "PAST_INPUTS", "FeatureTables", "feature_tables"]

PANEL_INPUTS: Final = tuple(
    dict.fromkeys(
        (
            *FEATURE_INPUTS,
            *ROLLING_INPUTS,
            *(name for measure in MEASURES for name in measure.inputs if name != "return_frac"),
        )
    )
)
"""Columns of signal_panel that :func:`feature_tables` reads."""

PAST_INPUTS: Final = tuple(name for name in PANEL_INPUTS if name not in TODAY_INPUTS)
"""Those of them that it reads on the days before the sessions too; the others may be null there."""

_SHARED_ROWS: Final = 100_000
"""Panel rows of a block from which a second thread saves more than its waiting for the first costs."""


@dataclass(slots=True)
class FeatureTables:
    """Rows of ``ROLLING_STATISTICS``, ``LIQUIDITY_MEASURES`` and ``LIQUIDITY_FEATURES``, each sorted by its key."""

    rolling: pd.DataFrame
    measures: pd.DataFrame
    features: pd.DataFrame


def feature_tables(blocks: Iterable[pd.DataFrame], sessions: Sequence[date]) -> FeatureTables:
    """Compute the feature tables of ``sessions`` from the panel, block by block.

    Parameters
    ----------
    blocks
        Rows of ``signal_panel`` (columns :data:`PANEL_INPUTS`; before the sessions :data:`PAST_INPUTS` suffice) of the
        sessions and the 90 days up to each; a block holds all rows of its instruments, blocks ascend by instrument. Each
        is let go of before the next is taken.
    sessions
        Days to compute.

    Returns
    -------
    FeatureTables
        What :func:`~liquidity.features.rolling.rolling_statistics`, :func:`~liquidity.measures.measure_sessions` and
        :func:`~liquidity.features.assemble.liquidity_features` give for the panel as a whole.
    """
    rolling, measures, features = [], [], []
    with ThreadPoolExecutor(max_workers=1) as pool:
        for block in blocks:
            # Their kernel runs outside Python, so the statistics of a large block take the second core.
            beside = pool.submit(rolling_statistics, block, sessions) if len(block) >= _SHARED_ROWS else None
            measures.append(measure_sessions(block, sessions))
            features.append(liquidity_features(block, measures[-1], sessions))
            rolling.append(rolling_statistics(block, sessions) if beside is None else beside.result())
            del block, beside
    return FeatureTables(
        _joined(rolling, ROLLING_STATISTICS),
        _joined(measures, LIQUIDITY_MEASURES),
        _joined(features, LIQUIDITY_FEATURES),
    )


def _joined(parts: list[pd.DataFrame], contract: TableContract) -> pd.DataFrame:
    """Join the blocks of one table; ``parts`` is emptied, so that a block and its copy do not both stay."""
    if not parts:
        empty: pd.DataFrame = contract.arrow_schema.empty_table().to_pandas(date_as_object=False)
        return empty
    several = len(parts) > 1
    whole = pd.concat(parts, ignore_index=True) if several else parts[0]
    parts.clear()
    if several and not whole["session_date"].is_monotonic_increasing:
        whole = whole.sort_values("session_date", kind="stable", ignore_index=True)
    return whole
