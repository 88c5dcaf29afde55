"""From single stories to the sentiment row of an instrument and session: each story counts once."""

from typing import Final

import numpy as np
import pandas as pd

from liquidity.contracts.signals import SENTIMENT
from liquidity.contracts.table import Column, TableContract
from liquidity.domain.session import is_session
from resources.feeds._recording import contract_rows

__all__ = ["ROLL_DAYS", "STORIES", "sentiment_of_stories"]

ROLL_DAYS: Final = 10
"""A story of a closed day belongs to the next session, looked for this many days ahead (longer closures are unknown)."""

STORIES: Final = TableContract(
    name="stories",
    location="pulse",
    group="signals",
    row_means="One news or social-media story on an issuer or one instrument.",
    key=("story_id",),
    on_bad_row="quarantine",
    columns=(
        Column("story_id", "string", "id", "Identifier of the story at its source; delivered twice it counts once."),
        Column(
            "issuer_id", "string", "id", "Issuer the story is about; null when instrument_id is given.", nullable=True
        ),
        Column(
            "instrument_id",
            "string",
            "id",
            "Instrument the story is about; null when issuer_id is given.",
            nullable=True,
        ),
        Column("published_at", "timestamp", "UTC", "When the story was published."),
        Column(
            "sentiment_score",
            "float64",
            "-1..1",
            "Tone; null where not scored.",
            nullable=True,
            minimum=-1.0,
            maximum=1.0,
        ),
        Column("topics", "string", "names", "Topics, comma-separated; empty when none.", nullable=True),
        Column("source", "string", "id", "Feed or simulator that delivered the story."),
    ),
)


def sentiment_of_stories(stories: pd.DataFrame, instruments: pd.DataFrame) -> pd.DataFrame:
    """Sentiment rows of the sessions in ``instruments``.

    Parameters
    ----------
    stories
        Columns of :data:`STORIES`. The first delivery of a ``story_id`` (by publication) counts.
    instruments
        ``session_date, instrument_id, issuer_id, calendar`` of the sessions wanted.

    Returns
    -------
    pd.DataFrame
        Delivered columns of ``SENTIMENT``; an instrument without a story has no row. ``sentiment_score`` is the plain
        mean of the scored stories, ``buzz_volume`` their number, ``topics`` the sorted set.
    """
    once = stories.sort_values(["published_at", "story_id"], kind="stable").drop_duplicates("story_id")
    listed = instruments[["instrument_id", "issuer_id", "calendar"]].drop_duplicates("instrument_id")
    named = once[once["instrument_id"].notna()].drop(columns="issuer_id").merge(listed, on="instrument_id")
    by_issuer = once[once["instrument_id"].isna() & once["issuer_id"].notna()].drop(columns="instrument_id")
    told = pd.concat([named, by_issuer.merge(listed, on="issuer_id")], ignore_index=True)
    told["session_date"] = pd.NaT
    told["session_date"] = told["session_date"].astype("datetime64[us]")
    day = told["published_at"].dt.tz_convert("UTC").dt.tz_localize(None).dt.normalize().astype("datetime64[us]")
    for calendar in told["calendar"].unique():
        mine = told["calendar"] == calendar
        told.loc[mine, "session_date"] = _next_session(day[mine], str(calendar))
    told = told.merge(instruments[["session_date", "instrument_id"]], on=["session_date", "instrument_id"])
    told = told.sort_values("published_at", kind="stable")
    rows = (
        told.groupby(["session_date", "instrument_id"])
        .agg(
            issuer_id=("issuer_id", "first"), sentiment_score=("sentiment_score", "mean"), buzz_volume=("story_id", "size"),
            topics=("topics", _topics), observed_at=("published_at", "last"), source=("source", "first"),
        )
        .reset_index()
    )  # fmt: skip
    return contract_rows(
        SENTIMENT, {**{str(name): rows[name] for name in rows.columns}, "known_at": rows["observed_at"]}
    )


def _topics(texts: pd.Series) -> str:
    return ",".join(sorted({topic.strip() for text in texts.dropna() for topic in str(text).split(",")} - {""}))


def _next_session(days: pd.Series, calendar: str) -> pd.Series:
    if days.empty:
        return days
    span = np.arange(
        days.min().to_datetime64().astype("datetime64[D]"),
        days.max().to_datetime64().astype("datetime64[D]") + ROLL_DAYS + 1,
    )
    sessions = span[is_session(calendar, span)]
    place = np.searchsorted(sessions, days.to_numpy().astype("datetime64[D]"))
    found = np.append(sessions, np.datetime64("NaT"))[place]
    return pd.Series(found.astype("datetime64[us]"), index=days.index)
