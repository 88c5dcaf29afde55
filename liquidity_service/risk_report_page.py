"""The text of the risk report: one Markdown page, every number of it measured in the run.

Read next: ``risk_report.py``, which gathers the numbers.
"""

from collections.abc import Iterable, Iterator

import pandas as pd

from liquidity.market_risk.history_study import STUDY_CONFIDENCES, BookStudy
from liquidity.market_risk.rolling_var import VAR_MODELS, Judgement
from liquidity_service.forecast_report_cells import folded, number, p_value, percent, table
from liquidity_service.risk_report import MarketStudy, RiskReport
from liquidity_service.risk_report_pictures import RISK_PICTURE
from resources.round_trip_study import RoundTripTables

__all__ = ["risk_report_page"]

_WORDS = {
    "too_many": "too many exceedances",
    "too_few": "too few exceedances",
    "clustered": "exceedances in clusters",
    "too_deep": "losses deeper than the expected shortfall",
}


def risk_report_page(report: RiskReport, *, drawn: bool) -> str:
    """Write the page; ``drawn``: the picture is there."""
    parts = [
        _head(report),
        _in_short(report),
        f"![Results and value at risk]({RISK_PICTURE})" if drawn else "",
        *(_market(study) for study in report.markets),
        _round_trips(report.round_trips),
        _LIMITS,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _head(report: RiskReport) -> str:
    return f"""# Risk report

Written by `pulse risk-report` (code {report.code}; {report.seconds / 60:.0f} minutes). Each model forecasts the one-session
value at risk (VaR) and expected shortfall (ES) of every session from the sessions before it alone, then the session's
result is held against them ([method](methodology/market_risk.md)). Results are fractions of a book's gross value; an
exceedance is a loss beyond VaR. *Kupiec* tests their number, *Christoffersen* whether they come one by one, *Z2* (Acerbi
and Szekely) how deep they are: below its critical value the shortfall was underestimated. p below 0.05, or Z2 below its
critical value, counts as failed. The light is Basel's, over the last 250 sessions at 99 %."""


def _in_short(report: RiskReport) -> str:
    lines = []
    for study in report.markets:
        for title, book in study.books.items():
            for model in VAR_MODELS:
                found = book.judgements[model, 0.99]
                lines.append([title, model, _hits(found), _failures(found), found.zone or ""])
    text = table(["book", "model", "exceedances of 99 % (expected)", "failed", "light"], lines) if lines else ""
    missing = "".join(f"\n- {name}: {why}." for name, why in report.absent)
    verdict = " ".join(_verdicts(report))
    return f"## In short\n\n{verdict}\n\n{text}" + (f"\n\nNot judged:\n{missing}" if missing else "")


def _verdicts(report: RiskReport) -> Iterator[str]:
    """One sentence per model: in how many books it failed at 99 %, and on what."""
    books = [book for study in report.markets for book in study.books.values()]
    for model in VAR_MODELS:
        found = [book.judgements[model, 0.99].failures for book in books]
        failed = [each for each in found if each]
        causes = {word: sum(code in each for each in failed) for code, word in _WORDS.items()}
        said = ", ".join(f"{word} ({count})" for word, count in causes.items() if count)
        yield f"*{model}* at 99 % fails in {len(failed)} of {len(found)} books{f': {said}' if said else ''}."


def _market(study: MarketStudy) -> str:
    parts = [
        f"## {study.market.title}\n\n{study.first} to {study.last}, {study.market.window} sessions to learn from; prices: "
        f"{study.price_kinds}; {study.suspected_splits_n} returns set aside as splits that prices were not adjusted for."
    ]
    for title, book in study.books.items():
        parts.append(f"### {title}\n\n{len(book.days):,} judged sessions, {book.days[0]} to {book.days[-1]}.")
        parts.append(_judgements(book))
        parts.append(folded("Exceedances of the 99 % VaR by year", _years(book)))
    for confidence, counts in sorted(study.instruments.items(), reverse=True):
        parts.append(f"### Each instrument by itself, {percent(confidence)}\n\n{_instruments(counts)}")
    return "\n\n".join(parts)


def _judgements(book: BookStudy) -> str:
    head = ["model", "level", "exceedances (expected)", "Kupiec p", "Christoffersen p", "both p", "Z2", "critical", "historical stood in", "failed"]  # fmt: skip
    rows = []
    for confidence in STUDY_CONFIDENCES:
        for model in VAR_MODELS:
            found = book.judgements[model, confidence]
            rows.append(
                [
                    model,
                    percent(confidence),
                    _hits(found),
                    p_value(found.kupiec_p),
                    p_value(found.independence_p),
                    p_value(found.coverage_p),
                    "" if found.z2 is None else f"{found.z2:+.2f}",
                    "" if found.z2_critical is None else f"{found.z2_critical:+.2f}",
                    percent(found.fell_back_frac) if found.fell_back_frac else "",
                    _failures(found),
                ]
            )
    return table(head, rows)


def _years(book: BookStudy) -> str:
    years = book.by_year(0.99)
    rows = [
        [str(year), str(row["sessions"]), f"{row['sessions'] * 0.01:.1f}", *(str(row[model]) for model in VAR_MODELS)]
        for year, row in years.iterrows()
    ]
    return table(["year", "sessions", "expected", *VAR_MODELS], rows)


def _instruments(counts: pd.DataFrame) -> str:
    if not counts["tested"].sum():
        return "No instrument has enough sessions of its own."
    rows = [
        [
            str(model),
            f"{row['tested']:.0f}",
            f"{row['sessions']:,.0f}",
            f"{row['hits']:,.0f} ({row['expected']:,.1f})",
            *(f"{row[code]:.0f}" for code in _WORDS),
        ]
        for model, row in counts.iterrows()
    ]
    return table(["model", "instruments", "sessions", "exceedances (expected)", *_WORDS.values()], rows)


def _round_trips(trips: RoundTripTables | None) -> str:
    if trips is None:
        return ""
    return (
        "## Round trips: predicted against realised cost\n\n"
        "Buy, wait, sell on recorded quotes, books and runs of the market's own trades; the scale of the models is learned "
        "from the earlier half, the later half is judged. A slope of 1 says that realised cost rises as predicted.\n\n"
        f"{_frame(trips.judged[_leading(trips.judged)])}\n\n"
        + folded("Every model", _frame(trips.judged))
        + "\n\n"
        + folded("Cost by size, later half", _frame(trips.by_size))
        + "\n\n"
        + folded("What the models were given", _frame(trips.inputs))
    )


def _leading(judged: pd.DataFrame) -> "pd.Series[bool]":
    """Fixed cost, half of the spread, the blend, and the single model that was best in the earlier half."""
    leading = judged["model"].isin(["fixed", "half spread only", "blend"])
    return leading | judged["best_before"].astype(bool) if "best_before" in judged else leading


def _frame(frame: pd.DataFrame) -> str:
    return table([str(name) for name in frame.columns], ([_cell(value) for value in row] for row in _tuples(frame)))


def _tuples(frame: pd.DataFrame) -> Iterable[tuple[object, ...]]:
    return frame.itertuples(index=False, name=None)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else number(value) if 0.01 <= abs(value) < 1e5 else f"{value:.3g}"
    return str(value)


def _hits(found: Judgement) -> str:
    return f"{found.hits_n} of {found.sessions_n:,} ({found.expected_n:.1f})"


def _failures(found: Judgement) -> str:
    return ", ".join(_WORDS[code] for code in found.failures) or "nothing"


_LIMITS = """## What these figures do not say

- Books of equal parts hold what was listed for a whole window; names that died before the recordings were made are not in them.
- Demo portfolios hold the last session's amounts throughout, and borrow returns of peers with betas of the whole history: the test is of the models on such a book, not of a strategy.
- Exceedances of instruments of one market fall on the same days: the counts of instruments are not independent tests.
- The critical value of Z2 is that of normal results (heavier tails need a lower one: -0.82 instead of -0.70 for Student's t with 3 degrees at 250 sessions and 2.5 %), scaled by the root of the number of tail points.
- The recorded Brazilian quotes miss many days: their returns are those between the days there are, at most seven days apart.
- Windows of 60 sessions (Brazilian bonds) hold less than one observation beyond 99 %: read them as a check that nothing is broken."""
