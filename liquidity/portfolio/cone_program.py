"""The allocation problem as a cone program, each limit a named block of rows; and the one call of the solver.

Variables: weights w; factor exposures y = loadings w; sizes of trades p >= |w - current|; their 3/2 powers u; sizes of
shorts a >= |w|; what cannot be sold in one session s >= |w| - capacity, and in the sessions of the illiquid share t; 3/2
powers v of closing; roots r of what has a 3/2 power. Only variables that a limit or a
cost needs are made. Read next: ``optimizer.py``, ``infeasibility.py``.
"""

from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from liquidity.portfolio.allocation_model import AllocationInputs, AllocationLimits, Preferences

__all__ = ["SOLVED", "ConeProgram", "LimitBlock", "Solution", "cone_program", "solve"]

SOLVED: Final = frozenset({"Solved", "AlmostSolved"})
_HARD: Final = ""
_PER_CENT: Final = 100.0
_THOUSANDTHS: Final = 1e3


@dataclass(frozen=True, slots=True)
class LimitBlock:
    """Rows ``begin`` to ``end`` of the inequalities are one limit."""

    name: str
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class ConeProgram:
    """min 1/2 x'Px + q'x with equalities, inequalities ``G x <= h`` in blocks, and cones of 3/2 powers.

    Attributes
    ----------
    blocks
        Limits by name, in the order of their rows; rows outside every block define variables and always hold.
    places
        First column of each kind of variable (``w``, ``y``, ``p``, ``u``, ``a``, ``s``, ``t``, ``v``, ``r``) and its length.
    trade_rows
        First row of ``w - p <= current``; the rows of its opposite follow.
    """

    quadratic: Any
    linear: NDArray[np.float64]
    equalities: Any
    equal_to: NDArray[np.float64]
    inequalities: Any
    at_most: NDArray[np.float64]
    cones: Any
    cone_offset: NDArray[np.float64]
    blocks: tuple[LimitBlock, ...]
    places: dict[str, tuple[int, int]]
    trade_rows: int

    @property
    def n(self) -> int:
        """Instruments."""
        return self.places["w"][1]


@dataclass(frozen=True, slots=True)
class Solution:
    """Variables, multipliers of the inequalities (at least 0), the solver's verdict, value and steps."""

    x: NDArray[np.float64]
    multipliers: NDArray[np.float64]
    status: str
    value: float
    iterations: int


class _Rows:
    """Sparse rows collected block by block."""

    def __init__(self, places: dict[str, tuple[int, int]], width: int) -> None:
        self.places, self.width = places, width
        self.row: list[NDArray[np.int64]] = []
        self.column: list[NDArray[np.int64]] = []
        self.value: list[NDArray[np.float64]] = []
        self.right: list[NDArray[np.float64]] = []
        self.count = 0
        self.blocks: list[LimitBlock] = []

    def each(self, right: NDArray[np.float64], name: str = _HARD, **terms: tuple[NDArray[np.int64], float]) -> None:
        """One row for each element: sum of coefficient * variable[place] <= right."""
        rows = self.count + np.arange(len(right))
        for kind, (place, coefficient) in terms.items():
            self._add(rows, self.places[kind][0] + place, np.full(len(right), coefficient))
        self._close(right, name)

    def total(self, right: float, name: str, **terms: tuple[NDArray[np.int64], NDArray[np.float64]]) -> None:
        """One row over many variables."""
        for kind, (place, coefficients) in terms.items():
            self._add(np.full(len(place), self.count), self.places[kind][0] + place, coefficients)
        self._close(np.array([right]), name)

    def _add(self, row: NDArray[np.int64], column: NDArray[np.int64], value: NDArray[np.float64]) -> None:
        self.row.append(row)
        self.column.append(column)
        self.value.append(value)

    def _close(self, right: NDArray[np.float64], name: str) -> None:
        if name != _HARD and len(right):
            self.blocks.append(LimitBlock(name, self.count, self.count + len(right)))
        self.right.append(np.asarray(right, dtype=np.float64))
        self.count += len(right)

    def matrix(self) -> Any:
        from scipy import sparse

        row, column, value = (
            np.concatenate(part) if part else np.zeros(0, dtype=kind)
            for part, kind in ((self.row, np.int64), (self.column, np.int64), (self.value, np.float64))
        )
        return sparse.csc_matrix((value, (row, column)), shape=(self.count, self.width))

    def sides(self) -> NDArray[np.float64]:
        return np.concatenate(self.right) if self.right else np.zeros(0)


def cone_program(inputs: AllocationInputs, limits: AllocationLimits, preferences: Preferences) -> ConeProgram:
    """Write the problem as matrices; names without a trading cost keep their weight and are outside the weight limits."""
    from scipy import sparse

    n = len(inputs.instrument_id)
    every, free = np.arange(n), np.flatnonzero(inputs.tradable)
    now, fixed = inputs.current_weight, np.flatnonzero(~inputs.tradable)
    lower, upper = (
        np.broadcast_to(np.asarray(side, dtype=np.float64), (n,)) for side in (limits.min_weight, limits.max_weight)
    )
    linear, impact = (
        np.nan_to_num(part) / preferences.holding_sessions
        for part in (inputs.trading_cost.linear, inputs.trading_cost.impact)
    )
    closing = preferences.unwinding_share / preferences.holding_sessions
    close_linear = np.nan_to_num(inputs.unwinding_cost.linear) * closing
    close_impact = np.nan_to_num(inputs.unwinding_cost.impact) * closing
    may_short = lower < 0.0
    may_short[fixed] = now[fixed] < 0.0
    sized_limits = (limits.max_illiquid_frac, limits.min_daily_liquidatable_frac, limits.max_gross_frac)
    counted = bool(closing) or any(limit is not None for limit in sized_limits)
    shorts = np.flatnonzero(may_short) if counted else np.zeros(0, dtype=np.int64)
    largest = np.maximum(np.maximum(np.abs(lower), np.abs(upper)), np.abs(now))
    # What is too large to be sold in time: kind of variable, limit, its allowed share, capacity, names that can exceed it.
    unsold: list[tuple[str, str, float, NDArray[np.float64], NDArray[np.int64]]] = []
    for kind, name, share, capacity in (
        ("s", "min_daily_liquidatable_frac", limits.min_daily_liquidatable_frac, inputs.capacity),
        ("t", "max_illiquid_frac", limits.max_illiquid_frac, inputs.saleable(limits.illiquid_after_sessions)),
    ):
        if share is not None:
            left = 1.0 - share if kind == "s" else share
            unsold.append((kind, name, left, capacity, np.flatnonzero(largest > capacity)))
    excess = {kind: len(names) for kind, *_, names in unsold}
    bought, closed = free[impact[free] > 0.0], every[close_impact > 0.0]
    factors = inputs.risk.loadings
    dense = len(factors) >= n  # as many factors as names: the covariance itself is smaller
    places, width = {}, 0
    for kind, size in (
        ("w", n), ("y", 0 if dense else len(factors)), ("p", len(free)), ("u", len(bought)), ("a", len(shorts)),
        ("s", excess.get("s", 0)), ("t", excess.get("t", 0)), ("v", len(closed)),
        ("r", len(bought) + len(closed)),
    ):  # fmt: skip
        places[kind] = (width, size)
        width += size
    at_size = _positions(n, shorts)  # where |w| of a name is: its own column, or that of its short size

    aversion = preferences.risk_aversion
    corner = inputs.risk.specific_variance * aversion
    blocks = (
        sparse.csc_matrix(np.triu(aversion * (factors.T @ factors) + np.diag(corner)))
        if dense
        else sparse.diags(np.r_[corner, np.full(len(factors), aversion)], format="csc")
    )
    rest = width - blocks.shape[0]
    quadratic = sparse.block_diag([blocks, sparse.csc_matrix((rest, rest))], format="csc")
    q = np.zeros(width)
    q[:n] = -inputs.expected_return_frac
    q[_columns(places, "p")] = linear[free]
    q[_columns(places, "u")] = impact[bought]
    np.add.at(q, _size_columns(places, every, at_size), close_linear)
    q[_columns(places, "v")] = close_impact[closed]

    equal = _Rows(places, width)
    equal.each(now[fixed], w=(fixed, 1.0))
    equalities, equal_to = equal.matrix(), equal.sides()
    if not dense:
        link = sparse.hstack(
            [
                sparse.csc_matrix(factors),
                -sparse.eye(len(factors)),
                sparse.csc_matrix((len(factors), width - n - len(factors))),
            ]
        )
        equalities = sparse.vstack([equalities, link], format="csc")
        equal_to = np.r_[equal_to, np.zeros(len(factors))]

    rows = _Rows(places, width)
    in_free = np.arange(len(free))
    rows.each(now[free], w=(free, 1.0), p=(in_free, -1.0))
    rows.each(-now[free], w=(free, -1.0), p=(in_free, -1.0))
    rows.each(np.zeros(len(shorts)), w=(shorts, 1.0), a=(np.arange(len(shorts)), -1.0))
    rows.each(np.zeros(len(shorts)), w=(shorts, -1.0), a=(np.arange(len(shorts)), -1.0))
    for kind, _, _, capacity, names in unsold:
        every_one = np.arange(len(names))
        rows.each(np.zeros(len(names)), _HARD, **{kind: (every_one, -1.0)})
        longs, short = np.flatnonzero(at_size[names] < 0), np.flatnonzero(at_size[names] >= 0)
        rows.each(capacity[names[longs]], _HARD, **{"w": (names[longs], 1.0), kind: (longs, -1.0)})
        rows.each(capacity[names[short]], _HARD, **{"a": (at_size[names[short]], 1.0), kind: (short, -1.0)})
    rows.each(upper[free], "max_weight", w=(free, 1.0))
    rows.each(-lower[free], "min_weight", w=(free, -1.0))
    funded = np.flatnonzero(inputs.funded)
    rows.total(1.0 - limits.min_cash_frac, "min_cash_frac", w=(funded, np.ones(len(funded))))
    rows.total(limits.max_cash_frac - 1.0, "max_cash_frac", w=(funded, -np.ones(len(funded))))
    for kind, name, left, _, names in unsold:
        rows.total(0.0, name, **{kind: (np.arange(len(names)), np.ones(len(names))), "w": (every, np.full(n, -left))})
    if limits.max_gross_frac is not None:
        longs = np.flatnonzero(at_size < 0)
        rows.total(
            limits.max_gross_frac,
            "max_gross_frac",
            w=(longs, np.ones(len(longs))),
            a=(np.arange(len(shorts)), np.ones(len(shorts))),
        )
    if limits.max_turnover_frac is not None:
        rows.total(limits.max_turnover_frac, "max_turnover_frac", p=(in_free, np.ones(len(free))))
    for name, (low, high) in sorted(limits.sector_bounds.items()):
        members = np.flatnonzero(inputs.sector == name)
        rows.total(high, f"sector {name} at most", w=(members, np.ones(len(members))))
        rows.total(-low, f"sector {name} at least", w=(members, -np.ones(len(members))))

    sized = _size_columns(places, closed, at_size)
    of_trade = places["p"][0] + _positions(n, free)[bought]
    begin, roots = places["r"]
    cones, offset = _power_cones(
        np.r_[_columns(places, "u"), _columns(places, "v")],
        np.r_[of_trade, sized].astype(np.int64),
        begin + np.arange(roots),
        width,
    )
    return ConeProgram(
        quadratic, q, equalities, equal_to, rows.matrix(), rows.sides(), cones, offset, tuple(rows.blocks), places, 0
    )


def solve(program: ConeProgram) -> Solution:
    """Solve by Clarabel's interior point method: one thread, no randomness, the same bits each time.

    The solver sees weights in per cent and the objective in thousandths, so that its tolerances (1e-8) are small beside both;
    what comes back is in shares of equity again.
    """
    import clarabel
    from scipy import sparse

    settings = clarabel.DefaultSettings()
    settings.verbose = False
    settings.max_threads = 1
    linear_rows, powers = len(program.equal_to) + len(program.at_most), len(program.cone_offset) // 6
    unit = np.full(len(program.linear), 1.0 / _PER_CENT)
    for kind, power in (("u", 1.5), ("v", 1.5), ("r", 0.5)):
        begin, size = program.places[kind]
        unit[begin : begin + size] = _PER_CENT**-power
    columns = sparse.diags(unit)
    straight = sparse.vstack([program.equalities, program.inequalities], format="csc") @ columns * _PER_CENT
    rows = sparse.vstack([straight, program.cones], format="csc")
    right = np.r_[_PER_CENT * program.equal_to, _PER_CENT * program.at_most, program.cone_offset]
    quadratic = sparse.triu(columns @ program.quadratic @ columns * _THOUSANDTHS, format="csc")
    cones = [clarabel.ZeroConeT(len(program.equal_to)), clarabel.NonnegativeConeT(len(program.at_most))]
    cones += [clarabel.SecondOrderConeT(3)] * (2 * powers)
    found = clarabel.DefaultSolver(
        quadratic, program.linear * unit * _THOUSANDTHS, rows, right, cones, settings
    ).solve()
    multipliers = np.array(found.z)[len(program.equal_to) : linear_rows] * (_PER_CENT / _THOUSANDTHS)
    return Solution(
        np.array(found.x) * unit,
        multipliers,
        str(found.status),
        float(found.obj_val) / _THOUSANDTHS,
        int(found.iterations),
    )


def _power_cones(
    power: NDArray[np.int64], size: NDArray[np.int64], root: NDArray[np.int64], width: int
) -> tuple[Any, NDArray[np.float64]]:
    """Rows of power >= size^(3/2) in the solver's units, by root: size^2 <= root * power and root^2 <= size.

    Both are second-order cones of three rows: (r + u, r - u, 2 p) and (p + 1, p - 1, 2 r). The power cone would need no root,
    but many names at a weight of 0 stop the solver there.
    """
    from scipy import sparse

    count = len(power)
    base = 6 * np.arange(count)
    terms = [
        (0, root, -1.0), (0, power, -1.0), (1, root, -1.0), (1, power, 1.0), (2, size, -2.0),
        (3, size, -1.0), (4, size, -1.0), (5, root, -2.0),
    ]  # fmt: skip
    row = np.concatenate([base + offset for offset, _, _ in terms])
    column = np.concatenate([place for _, place, _ in terms])
    value = np.concatenate([np.full(count, factor) for _, _, factor in terms])
    rows = sparse.csc_matrix((value, (row, column)), shape=(6 * count, width))
    return rows, np.tile([0.0, 0.0, 0.0, 1.0, -1.0, 0.0], count)


def _positions(n: int, chosen: NDArray[np.int64]) -> NDArray[np.int64]:
    """(n,) position of each name among the chosen; -1 for the others."""
    position = np.full(n, -1, dtype=np.int64)
    position[chosen] = np.arange(len(chosen))
    return position


def _columns(places: dict[str, tuple[int, int]], kind: Literal["p", "u", "v"]) -> NDArray[np.int64]:
    begin, size = places[kind]
    return begin + np.arange(size)


def _size_columns(
    places: dict[str, tuple[int, int]], names: NDArray[np.int64], at_size: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Column of |w| for each name."""
    return np.where(at_size[names] >= 0, places["a"][0] + at_size[names], names)
