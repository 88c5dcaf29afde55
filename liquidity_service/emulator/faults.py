"""What goes wrong on request: faults of REST routes and of streams, counted, so that each run is the same.

``cut stream=*@depth* message=50 times=5`` closes a socket when its 50th depth message is due, five times over.
``status route=POST*/order status=503 phase=after times=1`` executes an order and answers 503. :func:`parse_fault` reads
this form; :class:`FaultPlan` decides.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Literal, get_args

from liquidity.domain.errors import ConfigError

__all__ = ["Fault", "FaultPlan", "RouteFault", "StreamFault", "parse_fault"]

StreamKind = Literal["delay", "drop", "duplicate", "reorder", "cut", "silence"]
RouteKind = Literal["delay", "drop", "status", "garbage", "html", "null", "limit"]


@dataclass(frozen=True, slots=True)
class StreamFault:
    """A fault of the messages ``first`` to ``last`` (counted from 1 on each connection) of the streams that match.

    ``cut`` and ``silence`` happen when message ``first`` is due: ``cut`` closes the socket (``how`` is ``close``, code
    1001, or ``reset``), ``silence`` sends nothing more on it. ``reorder`` swaps a message with the next one of its
    stream. ``last`` is ``first`` by default, 0 means without end. ``times`` limits the connections that a fault meets (0
    means all); ``probability`` lets it happen to a share of the messages.
    """

    kind: StreamKind
    stream: str = "*"
    first: int = 1
    last: int = -1
    times: int = 0
    probability: float = 1.0
    delay_s: float = 1.0
    how: Literal["close", "reset"] = "close"

    def covers(self, number: int) -> bool:
        """Whether message ``number`` lies in the range."""
        last = self.first if self.last < 0 else self.last
        return self.first <= number and (last == 0 or number <= last)


@dataclass(frozen=True, slots=True)
class RouteFault:
    """A fault of REST requests ``first`` to ``first + times - 1`` (0 means all later ones) whose route matches.

    ``route`` is a pattern for ``METHOD path``. ``phase`` says whether the request was executed by the venue before the
    fault (``after``) or never (``before``). ``drop`` closes the connection without an answer, ``limit`` is a 429 with
    Retry-After, ``status`` a text (with ``code``: the venue's JSON of that code), ``html`` an HTML page with status 200, ``garbage`` a broken JSON text, ``null`` the JSON null.
    """

    kind: RouteKind
    route: str = "*"
    phase: Literal["before", "after"] = "before"
    first: int = 1
    times: int = 1
    probability: float = 1.0
    status: int = 503
    code: int = 0
    delay_s: float = 1.0
    retry_after_s: int = 1


Fault = StreamFault | RouteFault


class FaultPlan:
    """Decides which fault meets a message or a request; the same counts and seed give the same answers.

    ``clock_skew_ms`` is added to the venue's own clock (its answer to ``time`` and its check of request ages).
    """

    def __init__(self, faults: Sequence[Fault] = (), *, seed: int = 0, clock_skew_ms: int = 0) -> None:
        self.faults = tuple(faults)
        self.seed = seed
        self.clock_skew_ms = clock_skew_ms
        self.happened: Counter[int] = Counter()
        self._requests: Counter[int] = Counter()
        self._messages: Counter[tuple[int, int]] = Counter()
        self._met: dict[int, set[int]] = {}

    def for_message(self, connection: int, stream: str) -> StreamFault | None:
        """The fault of the next message of ``stream`` on a connection, counting it; the first that applies wins."""
        chosen: StreamFault | None = None
        for index, fault in enumerate(self.faults):
            if not isinstance(fault, StreamFault) or not fnmatchcase(stream, fault.stream):
                continue
            self._messages[index, connection] += 1
            number = self._messages[index, connection]
            if chosen is not None or not fault.covers(number):
                continue
            met = self._met.setdefault(index, set())
            if fault.times and connection not in met and len(met) >= fault.times:
                continue
            if not self._drawn(index, fault.probability, connection, number):
                continue
            met.add(connection)
            self.happened[index] += 1
            chosen = fault
        return chosen

    def for_request(self, route: str) -> list[RouteFault]:
        """The faults of a request ``METHOD path``, counting it."""
        chosen = []
        for index, fault in enumerate(self.faults):
            if not isinstance(fault, RouteFault) or not fnmatchcase(route, fault.route):
                continue
            self._requests[index] += 1
            number = self._requests[index] - fault.first
            if number < 0 or (fault.times and number >= fault.times):
                continue
            if self._drawn(index, fault.probability, 0, number):
                self.happened[index] += 1
                chosen.append(fault)
        return chosen

    def _drawn(self, index: int, probability: float, connection: int, number: int) -> bool:
        return probability >= 1 or random.Random(f"{self.seed}:{index}:{connection}:{number}").random() < probability


_ALIASES = {"message": "first", "messages": "first", "delay": "delay_s", "retry_after": "retry_after_s"}


def parse_fault(text: str) -> Fault:
    """Read ``KIND name=value ...``; ``messages=100-129`` gives a range. A ``route`` makes it a fault of requests.

    >>> parse_fault("drop stream=*@depth* messages=100-129")
    StreamFault(kind='drop', stream='*@depth*', first=100, last=129, times=0, probability=1.0, delay_s=1.0, how='close')

    Raises
    ------
    ConfigError
        On an unknown kind, name or value.
    """
    kind, *pairs = text.split()
    given = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    if len(given) != len(pairs):
        raise ConfigError(f"fault {text!r}: write it as KIND name=value, each name once, without spaces in values")
    rule: type[StreamFault] | type[RouteFault] = StreamFault
    if "route" in given or kind not in get_args(StreamKind):
        rule = RouteFault
    kinds = get_args(RouteKind if rule is RouteFault else StreamKind)
    if kind not in kinds:
        raise ConfigError(f"fault {text!r}: kind {kind!r} is none of {', '.join(kinds)}")
    if "messages" in given and "-" in given["messages"]:
        given["messages"], given["last"] = given["messages"].split("-", 1)
    types = {item.name: item.type for item in fields(rule)}
    values: dict[str, object] = {"kind": kind}
    for name, value in given.items():
        name = _ALIASES.get(name, name)
        convert = types.get(name)
        if convert is None or name == "kind":
            raise ConfigError(f"fault {text!r}: {name!r} is none of {', '.join(n for n in types if n != 'kind')}")
        try:
            values[name] = convert(value) if convert in (int, float) else value
        except ValueError:
            raise ConfigError(f"fault {text!r}: {name} must be a number, found {value!r}") from None
        allowed = get_args(convert)
        if allowed and value not in allowed:
            raise ConfigError(f"fault {text!r}: {name} {value!r} is none of {', '.join(allowed)}")
    return rule(**values)  # type: ignore[arg-type]
