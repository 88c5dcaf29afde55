"""What is known of each venue, one TOML file each in ``profiles/``: what it offers, in which units, with which quirks.

A new venue is one new file. Every call and channel stands in exactly one of three lists: ``proven`` (a test reads a
recorded or documented answer of that venue), ``claimed`` (the library says so, nothing here has shown it) and
``unsupported`` (with the reason a caller is told). Unknown keys are refused. Read next: ``profiles/binanceusdm.toml``.
"""

import re
import tomllib
from decimal import Decimal
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from liquidity.domain.errors import ConfigError
from liquidity.domain.market_data import MarketKind
from liquidity.domain.order import OrderTerms

__all__ = [
    "CALLS",
    "CHANNELS",
    "Call",
    "Channel",
    "VenueProfile",
    "venue_ids",
    "venue_profile",
]

Call = Literal[
    "markets",
    "candles",
    "order_book",
    "trades",
    "funding",
    "funding_history",
    "open_interest",
    "open_interest_history",
    "mark_price",
    "liquidations",
    "leverage_tiers",
    "server_time",
]
Channel = Literal["book", "trades", "liquidations", "mark_price", "funding"]
CALLS: Final[tuple[Call, ...]] = get_args(Call)
CHANNELS: Final[tuple[Channel, ...]] = get_args(Channel)
_FOLDER: Final = "profiles"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Offer(_Part):
    """Calls or channels by how well they are known; the key of ``unsupported`` is the call, its value the reason."""

    proven: tuple[str, ...] = ()
    claimed: tuple[str, ...] = ()
    unsupported: dict[str, str] = Field(default_factory=dict)

    def lacks(self, name: str) -> str | None:
        """Reason why ``name`` is not offered; ``None`` where it is."""
        return self.unsupported.get(name)

    def require_complete(self, names: tuple[str, ...], what: str) -> None:
        """Refuse a list that leaves a name out, names it twice or names another."""
        listed = [*self.proven, *self.claimed, *self.unsupported]
        wrong = sorted(set(listed) ^ set(names)) + sorted({name for name in listed if listed.count(name) > 1})
        if wrong:
            raise ValueError(
                f"{what}: each of {', '.join(names)} must stand once in proven, claimed or unsupported; "
                f"missing, repeated or unknown: {', '.join(wrong)}"
            )


class Units(_Part):
    """In which units the venue's numbers reach us through the library.

    Attributes
    ----------
    amounts
        ``contracts``: an amount is a number of contracts of ``contract_size``; ``units``: it is already base units
        (linear) or quote units (inverse), whatever contract size the library shows.
    candle_volume
        ``amount`` or ``base`` (then divided by the contract size; such inverse candles are refused).
    inverse_volume_column
        Column of an inverse market's raw candle that holds contracts, where the library reads another one.
    open_interest_linear, open_interest_inverse
        Field of the library's record and its unit.
    price_step
        ``listed``: the library's price step; ``decimals``: 10 to the minus (6 - szDecimals), because the venue limits
        significant digits and the library derives a coarser step from the price of the moment.
    """

    amounts: Literal["contracts", "units"] = "contracts"
    candle_volume: Literal["amount", "base"] = "amount"
    inverse_volume_column: Annotated[int | None, Field(ge=1, le=20)] = None
    open_interest_linear: Literal["amount_contracts", "amount_base", "value_base"] = "amount_contracts"
    open_interest_inverse: Literal["amount_contracts", "value_quote"] = "amount_contracts"
    price_step: Literal["listed", "decimals"] = "listed"


class Funding(_Part):
    """How often the venue's funding rate is paid.

    ``reported``: each answer says it. ``listed``: the venue lists the contracts that differ, all others pay every
    ``fixed_hours``. ``fixed``: rates are quoted for ``fixed_hours`` whatever the spacing of the history.
    ``estimate_of_next``: the current rate is the venue's running estimate of the coming payment.
    """

    interval: Literal["reported", "listed", "fixed"] = "reported"
    fixed_hours: Annotated[float | None, Field(gt=0, le=24)] = None
    estimate_of_next: bool = False

    @model_validator(mode="after")
    def _hours_where_needed(self) -> Self:
        if self.interval != "reported" and self.fixed_hours is None:
            raise ValueError(f"funding: interval = {self.interval!r} needs fixed_hours")
        return self


class Stream(_Part):
    """How the venue's live messages behave.

    Attributes
    ----------
    book_snapshot
        ``rest``: the stream sends changes only, the full book is asked for over REST; ``stream``: it opens with one.
    silence_timeout_s
        A book of an active market that is silent longer is taken as dead, whatever pings are answered.
    """

    book_snapshot: Literal["rest", "stream"]
    silence_timeout_s: float = Field(gt=0, le=600)


class ClientId(_Part):
    """Shape of the order ids we choose; ``pattern`` is a full match."""

    max_length: int = Field(ge=8, le=128)
    pattern: str
    encoding: Literal["prefixed_hex", "hex128", "uuid"]

    def accepts(self, text: str) -> bool:
        """Whether the venue accepts ``text`` as an order id of ours."""
        return len(text) <= self.max_length and re.fullmatch(self.pattern, text, re.ASCII) is not None


class Orders(_Part):
    """How the venue takes orders.

    Attributes
    ----------
    terms, conditional_terms
        Times in force (and post-only) of plain orders and of those with a trigger.
    significant_digits
        Most digits of a price, where the venue limits them.
    market_slippage_frac
        The venue's market order is a limit order this far from a reference price; without it, it is unbounded.
    conditional_apart
        Orders with a trigger live under routes of their own.
    cancel_all
        ``venue``: one request cancels a symbol; ``each``: the open orders are read and named.
    fill_page, fill_window_days
        Most fills of one answer, and the longest span it covers.
    """

    terms: tuple[OrderTerms, ...] = Field(min_length=1)
    conditional_terms: tuple[OrderTerms, ...] = ()
    significant_digits: Annotated[int | None, Field(ge=1, le=12)] = None
    market_slippage_frac: Annotated[Decimal | None, Field(gt=0, lt=1)] = None
    conditional_apart: bool = False
    cancel_all: Literal["venue", "each"] = "venue"
    fill_page: int = Field(ge=1, le=10_000)
    fill_window_days: Annotated[int | None, Field(ge=1)] = None


class ErrorCodes(_Part):
    """What the venue's own error codes mean, whatever class the library gives them.

    ``field`` is the key of the JSON error body that carries the code. ``final_rejects`` are codes after which an order
    certainly does not exist; anything else after an order is unknown. A venue without codes has ``final_texts``: how its
    final refusals begin.
    """

    field: str = "code"
    retryable: tuple[str, ...] = ()
    rate_limited: tuple[str, ...] = ()
    clock: tuple[str, ...] = ()
    auth: tuple[str, ...] = ()
    final_rejects: tuple[str, ...] = ()
    final_texts: tuple[Annotated[str, Field(min_length=12)], ...] = ()
    duplicate_id: tuple[str, ...] = ()
    unknown_order: tuple[str, ...] = ()


class VenueProfile(_Part):
    """One venue as its file describes it.

    Attributes
    ----------
    kinds
        Market kinds taken from the venue's list; where two share a venue symbol the kind named first keeps it.
    symbol_field
        Field of the library's market that holds the symbol which the venue's stream uses.
    emulator_path
        Path under an emulator's address at which this venue's protocol is served.
    ws_path
        For channels' sockets under ``emulator_path``, put before the venue's own path.
    book_limit, candle_limit, trade_limit
        Most levels, candles and trades one request returns.
    request_expiry_ms
        How long after its timestamp the venue may still accept an order; ``None``: for ever.
    quirks
        Module of this folder with what no key here can say.
    options
        Passed to the library as they are.
    """

    venue: str
    title: str
    kinds: tuple[MarketKind, ...] = Field(min_length=1)
    symbol_field: Literal["id", "baseName", "symbol"] = "id"
    emulator_path: str = Field(pattern=r"^/[a-z0-9_]+$")
    ws_path: Annotated[str, Field(pattern=r"^(/[a-z0-9_]+)?$")] = ""
    book_limit: Annotated[int | None, Field(ge=1, le=5000)] = None
    candle_limit: Annotated[int, Field(ge=1, le=5000)] = 1000
    trade_limit: Annotated[int, Field(ge=1, le=5000)] = 1000
    rate_limit_note: str
    quirks: Literal["binance", "hyperliquid"] | None = None
    requests_need_keys: tuple[Call, ...] = ()
    request_expiry_ms: Annotated[int | None, Field(ge=1000, le=60_000)] = None
    notes: tuple[str, ...] = ()
    calls: Offer
    channels: Offer
    units: Units = Units()
    funding: Funding = Funding()
    stream: Stream
    client_id: ClientId | None = None
    orders: Orders | None = None
    errors: ErrorCodes = ErrorCodes()
    options: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        self.calls.require_complete(CALLS, "calls")
        self.channels.require_complete(CHANNELS, "channels")
        if "maxRetriesOnFailure" in self.options:
            raise ValueError("options.maxRetriesOnFailure: repeats orders whose answer was lost; never set it")
        if self.options.get("recvWindow", self.request_expiry_ms) != self.request_expiry_ms:
            raise ValueError("options.recvWindow must equal request_expiry_ms, or a late order is taken for a lost one")
        return self


def venue_ids() -> tuple[str, ...]:
    """Ids of every venue with a profile file, ascending."""
    files = resources.files(__package__).joinpath(_FOLDER).iterdir()
    return tuple(sorted(file.name.removesuffix(".toml") for file in files if file.name.endswith(".toml")))


@cache
def venue_profile(venue: str) -> VenueProfile:
    """Read the profile of one venue.

    Raises
    ------
    ConfigError
        No such file, or one with a key, value or list that is not allowed; every fault is named.
    """
    if venue not in venue_ids():
        raise ConfigError(
            f"venue {venue!r} has no profile; known: {', '.join(venue_ids())}; to add one, "
            "write resources/venues/profiles/<venue>.toml (docs/methodology/venues.md)"
        )
    text = resources.files(__package__).joinpath(_FOLDER, f"{venue}.toml").read_text(encoding="utf-8")
    return parse_profile(venue, text)


def parse_profile(venue: str, text: str) -> VenueProfile:
    """Check the text of a profile file; :class:`ConfigError` names every fault."""
    where = f"profile {venue}.toml"
    try:
        profile = VenueProfile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: no TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'profile'}: {fault['msg']}" for fault in error.errors()
        )
        raise ConfigError(f"{where}: {faults}") from error
    if profile.venue != venue:
        raise ConfigError(f"{where}: venue is {profile.venue!r}; it must equal the file name")
    return profile
