"""The cuts of the walk-forward: no label of the training reaches the block that is judged."""

import pytest

from liquidity.domain.errors import ConfigError
from liquidity.forecast.walk_forward import Split, walk_forward


@pytest.mark.parametrize(("h", "embargo"), [(1, 0), (5, 0), (5, 3)])
def test_a_block_learns_from_every_place_that_is_far_enough_back(h: int, embargo: int) -> None:
    cuts = walk_forward(97, h, 4, 12, embargo, min_train=1)
    assert len(cuts) == 4
    for cut in cuts:
        usable = [t for t in range(97) if t + h + embargo < cut.test_start]
        assert cut.train_end == len(usable)


def test_labels_and_embargo_end_before_the_test() -> None:
    for cut in walk_forward(300, 5, 6, 40, 2, min_train=10):
        last_label = cut.train_end - 1 + 5
        assert last_label + 2 < cut.test_start


def test_blocks_tile_the_end_without_gap() -> None:
    cuts = walk_forward(100, 2, 4, 10, 0, min_train=1)
    assert [cut.test_start for cut in cuts] == [60, 70, 80, 90]
    assert cuts[-1].test_end == 100


def test_blocks_without_enough_to_learn_from_are_dropped() -> None:
    assert walk_forward(30, 5, 3, 10, 0, min_train=5) == (Split(5, 10, 20), Split(15, 20, 30))
    assert walk_forward(8, 5, 3, 10, 0, min_train=1) == ()
    assert walk_forward(0, 1, 3, 10, 0, min_train=0) == ()


@pytest.mark.parametrize(
    "wrong", [{"h": 0}, {"test": 0}, {"n": -1}, {"splits": -1}, {"embargo": -1}, {"min_train": -1}]
)
def test_counts_below_their_minimum_are_refused(wrong: dict[str, int]) -> None:
    arguments = {"n": 100, "h": 1, "splits": 2, "test": 10, "embargo": 0, "min_train": 1} | wrong
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        walk_forward(**arguments)
