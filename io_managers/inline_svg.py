"""Pictures for asset metadata of all code locations: an SVG short enough for the Dagster UI to show it inline.

The UI shows a markdown image only while the markdown is shorter than 1,000 characters; a longer one hides behind a
button. The picture stands in the address as text, which is shorter than base64; what would end the address is escaped.
Read next: ``inline_chart.py`` (line charts and heatmaps with labelled axes).
"""

from collections.abc import Sequence
from typing import Final

from liquidity.domain.errors import ConfigError

__all__ = ["BLUE", "FONT", "GREY", "MAX_MARKDOWN", "ORANGE", "fits", "inline_markdown", "numbers", "short", "svg"]

MAX_MARKDOWN: Final = 999
"""Characters of a picture's markdown at most; longer ones are not shown inline."""

BLUE: Final = "#1f6fd1"
GREY: Final = "#8a97a8"
ORANGE: Final = "#c8641a"

FONT: Final = "font:9px sans-serif"
"""Style of a picture whose labels :func:`numbers` places."""

_ESCAPED: Final = str.maketrans({"%": "%25", "<": "\\<", ">": "\\>", "#": "%23"})
_DIGIT_WIDTH: Final = 5  # of letters 9 units high
_POINT_WIDTH: Final = 3


def inline_markdown(picture: str) -> str:
    """Markdown that the UI renders as the picture; raises :class:`ConfigError` when it would be too long to show."""
    markdown = _markdown(picture)
    if len(markdown) > MAX_MARKDOWN:
        raise ConfigError(
            f"picture whose markdown has {len(markdown)} characters, at most {MAX_MARKDOWN} are shown inline; draw fewer points"
        )
    return markdown


def fits(picture: str) -> bool:
    """Whether the UI shows the picture inline."""
    return len(_markdown(picture)) <= MAX_MARKDOWN


def svg(width: int, height: int, body: str, scale: int = 1, style: str = "") -> str:
    """Wrap drawing commands into a picture of ``width`` by ``height`` units, each ``scale`` pixels wide."""
    styled = f" style='{style}'" if style else ""
    return f"<svg xmlns='http://www.w3.org/2000/svg' width='{scale * width}' viewBox='0 0 {width} {height}'{styled}>{body}</svg>"


def numbers(placed: Sequence[tuple[int, int, str]]) -> str:
    """Short labels in one element, which an element for each would not leave room for.

    Every character has its own place, as if each were as wide as a digit. Only the last label may hold a space: what
    follows is set without places, so that a unit of any letters may end it.

    Parameters
    ----------
    placed
        Left end and base line of each label, and the label, of letters 9 units high.
    """
    across, down, text = [], [], ""
    for x, y, label in placed:
        head, space, unit = label.partition(" ")
        for letter in head:
            across.append(str(x))
            down.append(str(y))
            x += _POINT_WIDTH if letter == "." else _DIGIT_WIDTH
        text += f"{head}{space}{unit}"
    heights = down[0] if len(set(down)) == 1 else " ".join(down)
    return f"<text x='{' '.join(across)}' y='{heights}'>{text}</text>" if text else ""


def short(value: float) -> str:
    """Four significant digits with k, M or G: what fits beside an axis.

    Examples
    --------
    >>> [short(value) for value in (13_139_000.0, 0.021188, -0.3, 0.0, 1234.5)]
    ['13.14M', '0.02119', '-0.3', '0', '1.234k']
    """
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= 0.99995 * unit:  # which four digits round up to the unit
            return f"{value / unit:.4g}{name}"
    return f"{value:.4g}"


def _markdown(picture: str) -> str:
    return f"![](<data:image/svg+xml,{picture.translate(_ESCAPED)}>)"
