"""Pictures for asset metadata of all code locations: an SVG short enough for the Dagster UI to show it inline.

The UI shows a markdown image only while the markdown is shorter than 1,000 characters.
"""

import base64
from typing import Final

from liquidity.domain.errors import ConfigError

__all__ = ["BLUE", "GREY", "MAX_SVG_BYTES", "ORANGE", "inline_markdown", "svg"]

MAX_SVG_BYTES: Final = 690
BLUE: Final = "#1f6fd1"
GREY: Final = "#8a97a8"
ORANGE: Final = "#c8641a"


def inline_markdown(picture: str) -> str:
    """Markdown that the UI renders as the picture; raises :class:`ConfigError` when it would be too long to show."""
    if len(picture.encode()) > MAX_SVG_BYTES:
        raise ConfigError(
            f"picture of {len(picture.encode())} bytes, at most {MAX_SVG_BYTES} are shown inline; draw fewer points"
        )
    return f"![](data:image/svg+xml;base64,{base64.b64encode(picture.encode()).decode()})"


def svg(width: int, height: int, body: str) -> str:
    """Wrap drawing commands into a picture of ``width`` by ``height`` units."""
    return f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>{body}</svg>"
