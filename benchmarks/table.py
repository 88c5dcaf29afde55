"""One line of the table that every benchmark gives."""

from dataclasses import dataclass

__all__ = ["Row"]


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, beside what, and whether the goal was met.

    Parameters
    ----------
    name
        What was measured.
    ours
        Our figure; seconds unless ``name`` says another unit in brackets.
    n
        Size of the work.
    goal
        The bar, or ``reported`` where there is none.
    met
        Whether it was cleared.
    peer, peer_s
        Who else did the same work in the same run, and its seconds; empty and None without one.
    """

    name: str
    ours: float
    n: str
    goal: str
    met: bool
    peer: str = ""
    peer_s: float | None = None

    @property
    def ratio(self) -> float | None:
        """The peer's figure over ours: how many times we are faster."""
        return None if self.peer_s is None else self.peer_s / self.ours
