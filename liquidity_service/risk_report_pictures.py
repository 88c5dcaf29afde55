"""The picture of the risk report: results of the books, value at risk of two models, exceedances."""

from pathlib import Path
from typing import Final

import numpy as np

from liquidity_service.risk_report import RiskReport
from resources.atomic_file import replacing

__all__ = ["RISK_PICTURE", "draw_risk_picture"]

RISK_PICTURE: Final = "pictures/risk_var.png"
"""The picture, relative to the page."""

_CONFIDENCE: Final = 0.99
_MODELS: Final = (("historical", "#c8641e"), ("filtered", "#2a5fa5"))
_DPI: Final = 100


def draw_risk_picture(report: RiskReport, folder: Path) -> bool:
    """Draw the first book of each market into ``folder``; whether there was one."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    books = [next(iter(study.books.items())) for study in report.markets if study.books]
    if not books:
        return False
    figure = Figure(figsize=(10, 2.8 * len(books)), layout="constrained")
    FigureCanvasAgg(figure)
    for axis, (title, book) in zip(np.atleast_1d(figure.subplots(len(books))), books, strict=True):
        axis.fill_between(book.days, 0, 100 * book.results, color="#bbbbbb", linewidth=0, step="mid")
        for model, colour in _MODELS:
            var = book.forecasts[model, _CONFIDENCE].var
            axis.plot(book.days, -100 * var, color=colour, linewidth=0.7, label=f"99 % VaR, {model}")
        hits = book.results < -book.forecasts["filtered", _CONFIDENCE].var
        axis.plot(
            book.days[hits], 100 * book.results[hits], ".", color="#2a5fa5", markersize=3, label="beyond filtered"
        )
        axis.set_title(title, fontsize=9, loc="left")
        axis.set_ylabel("% a session", fontsize=8)
        axis.tick_params(labelsize=7)
        axis.legend(fontsize=7, ncols=3, loc="lower left")
    path = folder / RISK_PICTURE
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as staged:
        figure.savefig(staged, dpi=_DPI, format="png")
    return True
