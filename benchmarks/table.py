"""One line of the table that every benchmark gives, and the table as a page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

__all__ = ["Row", "as_markdown"]

_BEGIN: Final = "<!-- table: python -m benchmarks.run --markdown -->"
_END: Final = "<!-- end of table -->"
_HEAD: Final = (
    "| what | size | ours | beside | its figure | ratio | goal | met |",
    "|---|---|---|---|---|---|---|---|",
)


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured, beside what, and whether the goal was met.

    Parameters
    ----------
    name
        What was measured.
    ours
        Our figure; wall seconds unless ``name`` says another unit in brackets.
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

    def text(self) -> str:
        """One line for the terminal."""
        beside = "" if self.peer_s is None else f"; {self.peer} {self.peer_s:.4g}, ratio {self.ratio:.2f}"
        return f"{self.name}: {self.ours:.4g}{beside} [{self.goal}] ({self.n})"


def as_markdown(table: Mapping[str, Sequence[Row]], page: Path, at: datetime) -> str:
    """Write the page anew: the benchmarks of ``table`` between its two marks, all else as it was.

    A benchmark that did not run keeps its rows and its time; ``at`` (aware) is the time of those that did.
    """
    before, after = "# Speed\n\n", "\n"
    sections: dict[str, list[str]] = {}
    if page.is_file():
        text = page.read_text(encoding="utf-8")
        if _BEGIN in text and _END in text:
            before, after = text[: text.index(_BEGIN)], text[text.index(_END) + len(_END) :]
            for line in text[text.index(_BEGIN) : text.index(_END)].splitlines()[3:]:
                if line.startswith("| **"):
                    sections[line.split("**")[1]] = []
                sections[next(reversed(sections))].append(line)
    for name, rows in table.items():
        title = name.replace("_", " ")
        sections[title] = [f"| **{title}** | {at:%Y-%m-%d %H:%M} UTC | | | | | | |", *map(_line, rows)]
    lines = [line for title in sorted(sections) for line in sections[title]]
    return before + "\n".join((_BEGIN, *_HEAD, *lines, _END)) + after


def _line(row: Row) -> str:
    figure, ratio = ("", "") if row.peer_s is None else (f"{row.peer_s:.3g}", f"{row.ratio:.2f}")
    met = "yes" if row.met else "**no**"
    cells = (row.name, row.n, f"{row.ours:.3g}", row.peer, figure, ratio, row.goal, met)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
