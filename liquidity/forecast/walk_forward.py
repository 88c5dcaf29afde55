"""Where a walk-forward test cuts time: train on the past, leave out what overlaps, judge the next block.

Read next: ``evaluation.py`` runs the members through these cuts.
"""

from typing import NamedTuple

from liquidity.domain.errors import ConfigError

__all__ = ["Split", "walk_forward"]


class Split(NamedTuple):
    """Train on [0, ``train_end``), test on [``test_start``, ``test_end``); places in time order."""

    train_end: int
    test_start: int
    test_end: int


def walk_forward(n: int, h: int, splits: int, test: int, embargo: int, min_train: int) -> tuple[Split, ...]:
    """Blocks of an expanding, purged and embargoed walk-forward, oldest first.

    The label of place t looks at t + 1 .. t + h, so the last h places before a test block would teach what the block asks
    (purge); the embargo keeps further distance. The last block ends at ``n``.

    Parameters
    ----------
    n
        Places in time (sessions).
    h
        Sessions that a label looks ahead, >= 1.
    splits
        Test blocks wished for.
    test
        Places per test block, >= 1.
    embargo
        Places left out beyond the purge.
    min_train
        A block with fewer places to train on is dropped.

    Returns
    -------
    tuple of Split
        Empty when no block has enough to train on.

    Raises
    ------
    ConfigError
        A count below its minimum.

    References
    ----------
    Lopez de Prado (2018), Advances in Financial Machine Learning, chapter 7. The train ends equal those of scikit-learn's
    ``TimeSeriesSplit(splits, test_size=test, gap=h + embargo)``.

    Examples
    --------
    >>> walk_forward(n=30, h=2, splits=2, test=10, embargo=1, min_train=5)
    (Split(train_end=7, test_start=10, test_end=20), Split(train_end=17, test_start=20, test_end=30))
    """
    for name, value, least in (
        ("n", n, 0),
        ("h", h, 1),
        ("splits", splits, 0),
        ("test", test, 1),
        ("embargo", embargo, 0),
        ("min_train", min_train, 0),
    ):
        if value < least:
            raise ConfigError(f"walk_forward: found {name} = {value!r} sessions; allowed are whole numbers >= {least}")
    starts = (n - test * back for back in range(splits, 0, -1))
    return tuple(
        Split(start - h - embargo, start, start + test) for start in starts if start - h - embargo >= min_train
    )
