"""Every ccxt exception has a meaning here, and no text carries a secret."""

import ccxt
import pytest
from ccxt.base import errors as ccxt_errors

from liquidity.domain.errors import (
    ConfigError,
    LiquidityError,
    SourceUnavailableError,
    UnsupportedError,
    VenueAuthError,
    VenueClockError,
    VenueError,
    VenueRateLimitedError,
    VenueRejectedError,
    VenueUnavailableError,
)
from resources.venues import venue_profile
from resources.venues._ccxt_errors import RETRY_AFTER_S, redacted, translated, venue_code

pytestmark = pytest.mark.feature("ET-SG-05")
USDM = venue_profile("binanceusdm")
EVERY_CLASS = [
    value for value in vars(ccxt_errors).values() if isinstance(value, type) and issubclass(value, ccxt.BaseError)
]


@pytest.mark.parametrize("kind", EVERY_CLASS, ids=lambda kind: kind.__name__)
def test_every_class_is_translated_by_what_waiting_can_cure(kind: type[Exception]) -> None:
    ours = translated(kind("no code"), "order_book", USDM)
    assert isinstance(ours, VenueError)
    network = issubclass(kind, ccxt.OperationFailed)
    if issubclass(kind, ccxt.InvalidNonce) and not issubclass(kind, ccxt.ChecksumError):
        assert type(ours) is VenueClockError
    elif network or issubclass(kind, (ccxt.UnsubscribeError, ccxt.ExchangeClosedByUser)):
        assert isinstance(ours, VenueUnavailableError)
        assert isinstance(ours, SourceUnavailableError)
    elif issubclass(kind, ccxt.AuthenticationError):
        assert type(ours) is VenueAuthError
    elif issubclass(kind, ccxt.NotSupported):
        assert type(ours) is UnsupportedError
    else:
        assert type(ours) is VenueRejectedError


@pytest.mark.parametrize("error", [IndexError("list index"), KeyError("x"), TimeoutError(), OSError("reset")])
def test_foreign_exceptions_mean_no_usable_answer(error: Exception) -> None:
    ours = translated(error, "trades", USDM)
    assert type(ours) is VenueUnavailableError
    assert type(error).__name__ in str(ours)


def test_our_own_errors_pass_unchanged() -> None:
    own = ConfigError("mine")
    assert translated(own, "trades", USDM) is own


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        # A key that once worked and is revoked: ccxt shows a ban.
        ('binanceusdm {"code":-2015,"msg":"Invalid API-key"}', ccxt.DDoSProtection, VenueAuthError),
        ('binanceusdm {"code":-1008,"msg":"overloaded"}', ccxt.ExchangeError, VenueUnavailableError),
        ('binanceusdm {"code":-4116,"msg":"duplicated"}', ccxt.InvalidOrder, VenueRejectedError),
        ('binanceusdm {"code":-1021,"msg":"outside of the recvWindow"}', ccxt.InvalidNonce, VenueClockError),
        ('binanceusdm {"code":-1003,"msg":"banned"}', ccxt.RateLimitExceeded, VenueRateLimitedError),
    ],
)
def test_the_venues_code_decides_before_the_class(
    text: str, kind: type[Exception], expected: type[LiquidityError]
) -> None:
    ours = translated(kind(text), "order", USDM)
    assert type(ours) is expected
    assert isinstance(ours, VenueError)
    assert ours.code == venue_code(text, "code")


def test_the_wait_of_the_last_answer_travels_with_the_error() -> None:
    token = RETRY_AFTER_S.set(7.0)
    try:
        ours = translated(ccxt.RateLimitExceeded("slow"), "trades", USDM)
    finally:
        RETRY_AFTER_S.reset(token)
    assert isinstance(ours, VenueRateLimitedError)
    assert ours.retry_after_s == 7.0


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('okx {"code":"51008","msg":"x"}', None),
        ('kraken {"error":["EAPI:Invalid key"]}', "EAPI:Invalid key"),
        ("deribit {broken", None),
        ("no body", None),
        ('x {"error":{"code":1}}', None),
    ],
)
def test_codes_are_read_from_the_named_field_only(text: str, code: str | None) -> None:
    assert venue_code(text, "error") == code


def test_secrets_signatures_and_pages_are_not_repeated() -> None:
    text = (
        "GET https://fapi.binance.com/fapi/v2/account?timestamp=1&recvWindow=5000&signature=deadbeef0123 "
        'headers {"X-MBX-APIKEY": "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A"} listenKey=abc '
        "plain-secret-value " + "<html>" * 500
    )
    clean = redacted(text, ["plain-secret-value"])
    for secret in ("deadbeef", "vmPUZE6", "listenKey=abc", "plain-secret"):
        assert secret not in clean
    assert len(clean) < 500
