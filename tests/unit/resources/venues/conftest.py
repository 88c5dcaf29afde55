"""No test of an adapter may leave a session behind."""

import gc
import logging
from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def nothing_left_open(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    # What was there before the test is put aside: looking through all of ccxt each time takes most of a second.
    gc.freeze()
    try:
        with caplog.at_level(logging.WARNING):
            yield
            gc.collect()
    finally:
        gc.unfreeze()
    left = [record.getMessage() for record in caplog.get_records("call") + caplog.records]
    assert not [text for text in left if "Unclosed" in text or "release all resources" in text]
