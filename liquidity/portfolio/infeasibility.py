"""Why no portfolio meets all limits: which of them contradict each other, and by how much the nearest one misses.

Read next: ``optimizer.py``, which optimises at the nearest point.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from liquidity.domain.errors import InsufficientDataError
from liquidity.portfolio.cone_program import SOLVED, ConeProgram, solve

__all__ = ["Infeasibility", "Relaxation", "explain", "relaxed_program"]

_NOTICEABLE: Final = 1e-6
_ROOM: Final = 1e-7
_NO_CONES: Final = np.zeros(0)


@dataclass(frozen=True, slots=True)
class Relaxation:
    """A limit that the nearest portfolio breaks, and by how much: shares of equity, summed over its rows."""

    limit: str
    breach_frac: float
    names: int


@dataclass(frozen=True, slots=True)
class Infeasibility:
    """Limits in conflict, and what the nearest portfolio gives up.

    Attributes
    ----------
    conflict
        A smallest set of limits that cannot hold together: without any one of them the others could. Often a pair.
    relaxations
        Limits that the nearest portfolio breaks, largest breach first; the total breach is the smallest possible.
    allowance
        (rows,) what each inequality gives way in it.
    """

    conflict: tuple[str, ...]
    relaxations: tuple[Relaxation, ...]
    allowance: NDArray[np.float64]

    def sentence(self) -> str:
        """Say it in words."""
        told = "; ".join(f"{each.limit} by {each.breach_frac:.4f} of equity" for each in self.relaxations)
        return f"no portfolio meets {' and '.join(self.conflict)} together; the nearest one breaks {told}"


def explain(program: ConeProgram) -> Infeasibility:
    """Find the nearest portfolio by elastic limits, and the conflict by leaving limits out one after the other.

    Each limit may give way at a price of 1 per share of equity (weight limits for each name apart), and the smallest total
    is found. A conflict is irreducible: a limit stays in it when the others of it can hold without that limit.

    References
    ----------
    Chinneck (2008), Feasibility and Infeasibility in Optimization, sections 6.1 (elastic) and 6.2 (deletion filter).
    """
    from scipy import sparse

    rows = np.concatenate([np.arange(block.begin, block.end) for block in program.blocks])
    count, width = len(rows), len(program.linear)
    places = {row: place for place, row in enumerate(rows.tolist())}
    giving = sparse.csc_matrix((-np.ones(count), (rows, np.arange(count))), shape=(len(program.at_most), count))
    elastic = replace(
        program,
        quadratic=sparse.csc_matrix((width + count, width + count)),
        linear=np.r_[np.zeros(width), np.ones(count)],
        equalities=_widened(program.equalities, count),
        inequalities=sparse.vstack(
            [
                sparse.hstack([program.inequalities, giving]),
                sparse.hstack([sparse.csc_matrix((count, width)), -sparse.eye(count)]),
            ],
            format="csc",
        ),
        at_most=np.r_[program.at_most, np.zeros(count)],
        cones=sparse.csc_matrix((0, width + count)),
        cone_offset=_NO_CONES,
    )
    found = solve(elastic)
    if found.status not in SOLVED:
        raise InsufficientDataError(
            f"allocation: even with every limit elastic the solver answers {found.status}; check weights and capacities"
        )
    allowance = np.zeros(len(program.at_most))
    allowance[rows] = np.maximum(found.x[width:], 0.0)
    allowance[allowance < _ROOM] = 0.0
    broken = []
    for block in program.blocks:
        breach = allowance[block.begin : block.end]
        if breach.sum() > _NOTICEABLE:
            broken.append(Relaxation(block.name, float(breach.sum()), int((breach > _NOTICEABLE).sum())))
    broken.sort(key=lambda each: (-each.breach_frac, each.limit))
    return Infeasibility(_conflict(elastic, program, places, width), tuple(broken), allowance)


def relaxed_program(program: ConeProgram, found: Infeasibility) -> ConeProgram:
    """The program with each limit moved by what the nearest portfolio needs."""
    moved = np.where(found.allowance > 0.0, found.allowance + _ROOM, 0.0)
    return replace(program, at_most=program.at_most + moved + _ROOM * bool(moved.any()))


def _conflict(elastic: ConeProgram, program: ConeProgram, places: dict[int, int], width: int) -> tuple[str, ...]:
    """Deletion filter: a limit is left out for good when the rest still cannot hold."""
    kept = list(program.blocks)
    for block in program.blocks:
        trial = [each for each in kept if each is not block]
        if _total_breach(elastic, program, trial, places, width) > _NOTICEABLE:
            kept = trial
    return tuple(block.name for block in kept)


def _total_breach(
    elastic: ConeProgram, program: ConeProgram, kept: list[Any], places: dict[int, int], width: int
) -> float:
    """Smallest total breach of the kept limits; the others give way for nothing."""
    price = elastic.linear.copy()
    inside = {block.name for block in kept}
    for block in program.blocks:
        if block.name not in inside:
            price[width + np.array([places[row] for row in range(block.begin, block.end)])] = 0.0
    return solve(replace(elastic, linear=price)).value


def _widened(matrix: Any, count: int) -> Any:
    from scipy import sparse

    return sparse.hstack([matrix, sparse.csc_matrix((matrix.shape[0], count))], format="csc")
