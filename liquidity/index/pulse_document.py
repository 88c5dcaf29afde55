"""The published pulse: one JSON document for each instrument, and the head of the file that holds them all.

A document states each score with its scale, direction, method, coverage, uncertainty and drivers, what changed since
the previous session and why, which signals are missing, how old the inputs are, and which configuration and code
produced it, and the forecast of the next sessions with its bands. Missing is null with a reason; a document never holds NaN. ``PULSE_SCHEMA`` is its JSON schema.
"""

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from liquidity.contracts.features import SCORED_FEATURES
from liquidity.contracts.forecast import FORECAST_STATUS
from liquidity.contracts.pulse import LIQUIDITY_PULSE, SCORE_METHODS
from liquidity.domain.columns import coded
from liquidity.domain.errors import ContractError
from liquidity.domain.instrument import ASSET_CLASSES, RATINGS, SECTORS
from liquidity.features.scaling import component_parts
from liquidity.index.drivers import change_of_contributions, contributions
from liquidity.index.profiles import WeightProfile

__all__ = ["PULSE_SCHEMA", "SCHEMA_VERSION", "PulseMeta", "pulse_documents", "pulse_header"]

SCHEMA_VERSION: Final = 2
_BASE_POINTS: Final = 50.0
_DOCUMENTS_AT_ONCE: Final = 4096
_GROUPS: Final = ("micro", "alt", "auction", "sentiment")
_ADAPTERS: Final = {"micro": "microstructure", "alt": "alt_signals", "auction": "auction_mm", "sentiment": "sentiment"}
_FORECAST_OF: Final = {"liquidity_score": "liquidity", "repayment_score": "repayment", "bondx_score": "bondx"}
_FORECAST_POINTS: Final = (
    "forecast_score", "lower_95", "lower_80", "lower_50", "upper_50", "upper_80", "upper_95",
)  # fmt: skip
_DIRECTIONS: Final = {
    "liquidity": "100 is most liquid",
    "repayment": "100 is best supported",
    "bondx": "100 is best",
}


@dataclass(frozen=True, slots=True)
class PulseMeta:
    """What a document says about its making: profile of each asset class, and the version of the code."""

    profiles: Mapping[str, WeightProfile]
    code_version: str


def pulse_documents(
    liquidity: pd.DataFrame,
    repayment: pd.DataFrame,
    bondx: pd.DataFrame,
    features: pd.DataFrame,
    previous: pd.DataFrame | None,
    warnings: pd.DataFrame,
    status: pd.DataFrame,
    meta: PulseMeta,
    peers: pd.DataFrame | None = None,
    forecasts: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """One document for each instrument of one session.

    Parameters
    ----------
    liquidity, repayment, bondx, features
        The session's tables, rows in the same order.
    previous
        ``LIQUIDITY_INDEX`` rows of the previous session of each instrument (days may differ between asset classes, an
        instrument occurs once); None when there is none.
    warnings
        ``EARLY_WARNINGS`` rows of the session.
    status
        ``SIGNAL_STATUS`` rows of the session: an adapter that failed is named beside the signals it owes.
    peers
        Features of the whole session, where the tables hold only some of its instruments.
    forecasts
        ``INDEX_FORECAST`` rows of the session, of these instruments or more; a score without rows, or None, is null.

    Returns
    -------
    pd.DataFrame
        Columns of ``LIQUIDITY_PULSE``; ``document`` is one item of ``PULSE_SCHEMA``'s ``data``.
    """
    ids = _texts(liquidity, "instrument_id")
    for name, frame in (("repayment_support", repayment), ("bondx_score", bondx), ("liquidity_features", features)):
        if _texts(frame, "instrument_id") != ids:
            raise ContractError(
                f"pulse documents: {name} has not the same instruments in the same order as liquidity_index"
            )
    points = liquidity["liquidity_score"].to_numpy(dtype=np.float64, na_value=np.nan)
    change_points: list[float] = []  # filled as the changes are taken, one document at a time
    changes = _changes(ids, points, liquidity, previous, change_points)
    alerts = _alerts(warnings)
    columns: dict[str, Sequence[Any]] = {
        name: _texts(liquidity, name)
        for name in ("asset_class", "issuer_id", "sector", "rating", "profile", "config_hash", "source")
    }
    columns["as_of"] = _dates(liquidity, "session_date")
    ages = zip(*(_numbers(features, f"{group}_age_s") for group in _GROUPS), strict=True)
    flags = [text.split(",") if text else [] for text in _texts(features, "anomaly_flags")]
    rows = zip(
        ids,
        columns["as_of"],
        columns["asset_class"],
        columns["issuer_id"],
        columns["sector"],
        columns["rating"],
        _blocks(liquidity, "liquidity"),
        _blocks(repayment, "repayment"),
        _blocks(bondx, "bondx"),
        _forecasts(ids, forecasts),
        changes,
        _missing(features, status, meta, peers),
        ages,
        _texts(features, "spread_origin"),
        flags,
        columns["profile"],
        columns["config_hash"],
        columns["source"],
        strict=True,
    )
    documents = (
        orjson.dumps(
            {
                "instrument_id": instrument, "as_of": as_of, "asset_class": asset_class, "issuer_id": issuer, "sector": sector,
                "rating": rating, "liquidity": liquid, "repayment": support, "bondx": combined, "forecast": forecast, "change": change,
                "missing_signals": missing, "ages_s": dict(zip(_GROUPS, age, strict=True)), "spread_origin": origin, "anomalies": anomalies,
                "warning": alerts.get(instrument), "profile": profile, "config_hash": digest, "code_version": meta.code_version, "source": source,
            }
        )
        for (
            instrument, as_of, asset_class, issuer, sector, rating, liquid, support, combined, forecast, change,
            missing, age, origin, anomalies, profile, digest, source,
        ) in rows
    )  # fmt: skip
    texts = _text_column(documents)  # takes the rows, and with them change_points
    pulse = liquidity[["session_date", "instrument_id", "asset_class", "sector", "rating"]].copy()
    pulse["liquidity_score"] = points
    pulse["repayment_score"] = repayment["repayment_score"].to_numpy(dtype=np.float64, na_value=np.nan)
    pulse["bondx_score"] = bondx["bondx_score"].to_numpy(dtype=np.float64, na_value=np.nan)
    pulse["change_points"] = change_points
    pulse["document"] = texts.set_axis(pulse.index)
    pulse["source"] = liquidity["source"]
    return pulse[list(LIQUIDITY_PULSE.column_names)]


def pulse_header(liquidity: pd.DataFrame, published_at: datetime, code_version: str) -> dict[str, object]:
    """Head of the published file: what ``PULSE_SCHEMA`` asks for beside ``session_date`` and ``data``.

    Parameters
    ----------
    liquidity
        ``LIQUIDITY_INDEX`` rows of the session.
    published_at
        UTC, aware.

    Returns
    -------
    dict
        ``schema_version``, ``published_at`` (ISO 8601), ``config_hash`` (first 16 hex digits of the sha256 over the
        rows' asset classes and their configuration hashes), ``code_version``.
    """
    if published_at.tzinfo is None:
        raise ContractError(
            f"pulse file: published_at {published_at.isoformat()} has no time zone; times are UTC and aware"
        )
    pairs = liquidity[["asset_class", "config_hash"]].drop_duplicates()
    used = sorted(zip(_texts(pairs, "asset_class"), _texts(pairs, "config_hash"), strict=True))
    return {
        "schema_version": SCHEMA_VERSION,
        "published_at": published_at.astimezone(UTC).isoformat(),
        "config_hash": hashlib.sha256(orjson.dumps(used)).hexdigest()[:16],
        "code_version": code_version,
    }


def _blocks(frame: pd.DataFrame, name: str) -> Iterator[dict[str, object]]:
    score = {"liquidity": "liquidity_score", "repayment": "repayment_score", "bondx": "bondx_score"}[name]
    direction = _DIRECTIONS[name]
    numbers = [
        _numbers(frame, column)
        for column in (score, "coverage_frac", "uncertainty_sd", "lower_80", "upper_80", "oldest_input_age_s")
    ]
    texts = [_texts(frame, column) for column in ("method", "reason", "drivers_json")]
    return (
        {
            "score": value, "scale": "0-100", "direction": direction, "method": method, "reason": reason or None,
            "coverage_frac": coverage, "uncertainty_sd_points": sd, "lower_80": low, "upper_80": high, "oldest_input_age_s": age,
            "base_points": _BASE_POINTS, "drivers": orjson.Fragment(drivers),
        }
        for value, coverage, sd, low, high, age, method, reason, drivers in zip(*numbers, *texts, strict=True)
    )  # fmt: skip


def _changes(
    ids: Sequence[str],
    points: np.ndarray[Any, np.dtype[np.float64]],
    liquidity: pd.DataFrame,
    previous: pd.DataFrame | None,
    moved: list[float],
) -> Iterator[dict[str, object]]:
    """Change of the liquidity score with its split over features; the bare points (NaN where undefined) go to ``moved``."""
    before: dict[str, tuple[float, str, str]] = {}
    if previous is not None:
        keys = _texts(previous, "instrument_id")
        before = dict(
            zip(
                keys,
                zip(
                    _numbers(previous, "liquidity_score"),
                    _texts(previous, "drivers_json"),
                    _dates(previous, "session_date"),
                    strict=True,
                ),
                strict=True,
            )
        )
        if len(before) != len(keys):
            raise ContractError(
                "pulse documents: an instrument occurs twice in the previous session; pass its latest row only"
            )
    for instrument, value, drivers in zip(ids, points.tolist(), _texts(liquidity, "drivers_json"), strict=True):
        old = before.get(instrument)
        since = None if old is None else old[2]
        reason = None
        if value != value:
            reason = "no score in this session"
        elif old is None:
            reason = "no previous session"
        elif old[0] != old[0]:
            reason = f"no score on {since}"
        if reason is not None or old is None:
            moved.append(float("nan"))
            yield {"points": None, "since": since, "drivers": [], "reason": reason}
            continue
        difference = value - old[0]
        split = change_of_contributions(contributions(drivers), contributions(old[1]), difference)
        ordered = sorted(split.items(), key=lambda item: -abs(item[1]))
        moved.append(difference)
        yield {
            "points": difference,
            "since": since,
            "drivers": [{"feature": name, "points": part} for name, part in ordered],
            "reason": None,
        }


def _forecasts(ids: Sequence[str], forecasts: pd.DataFrame | None) -> Iterator[dict[str, object]]:
    """Forecast of each score of each instrument, in the order of ``ids``; rows of some thousand instruments are objects at a time."""
    nothing: dict[str, object] = dict.fromkeys(_FORECAST_OF.values())
    if forecasts is None or not len(forecasts):
        yield from itertools.repeat(nothing, len(ids))
        return
    codes, names = coded(forecasts["instrument_id"])
    place = pd.Index(ids).get_indexer(names.to_pylist())[codes]
    order = np.lexsort((forecasts["horizon_sessions"].to_numpy(), place))
    bounds = np.searchsorted(place[order], np.arange(len(ids) + 1))
    for first in range(0, len(ids), _DOCUMENTS_AT_ONCE):
        last = min(first + _DOCUMENTS_AT_ONCE, len(ids))
        rows = forecasts.iloc[order[bounds[first] : bounds[last]]]
        horizons = _horizons(rows)
        speakers = zip(
            *(_texts(rows, name) for name in ("target", "status", "member", "model_id", "reason")),
            _numbers(rows, "base_score"),
            strict=True,
        )
        for here in range(first, last):
            blocks: dict[str, Any] = dict(nothing)
            for _ in range(bounds[here], bounds[here + 1]):
                target, status, member, model_id, reason, base = next(speakers)
                name = _FORECAST_OF[target]
                if blocks[name] is None:
                    blocks[name] = {
                        "status": status, "member": member, "model_id": model_id, "reason": reason or None,
                        "base_score": base, "horizons": [],
                    }  # fmt: skip
                blocks[name]["horizons"].append(next(horizons))
            yield blocks


def _horizons(rows: pd.DataFrame) -> Iterator[dict[str, object]]:
    numbers = zip(*(_numbers(rows, name) for name in _FORECAST_POINTS), strict=True)
    facts = (rows["horizon_sessions"].tolist(), _dates(rows, "target_date"), _texts(rows, "drivers_json"))
    return (
        {
            "sessions": sessions, "date": day, "score": score, "lower_95": low95, "lower_80": low80, "lower_50": low50,
            "upper_50": high50, "upper_80": high80, "upper_95": high95, "drivers": orjson.Fragment(drivers),
        }
        for sessions, day, drivers, (score, low95, low80, low50, high50, high80, high95) in zip(*facts, numbers, strict=True)
    )  # fmt: skip


def _missing(
    features: pd.DataFrame, status: pd.DataFrame, meta: PulseMeta, peers: pd.DataFrame | None
) -> list[orjson.Fragment]:
    """Signals of the profile that carry no weight, each with the reason, as JSON made once for each pattern."""
    if peers is not None:  # what is comparable depends on who else is there
        of_peers = dict(zip(_texts(peers, "instrument_id"), _missing(peers, status, meta, None), strict=True))
        return [of_peers[instrument] for instrument in _texts(features, "instrument_id")]
    failed = {
        str(adapter): f"adapter {adapter} {state}: {detail}" if detail else f"adapter {adapter} {state}"
        for adapter, state, detail in zip(
            _texts(status, "adapter"), _texts(status, "state"), _texts(status, "detail"), strict=True
        )
        if state in ("missing", "error")
    }
    fragments = np.full(len(features), orjson.Fragment(b"[]"), dtype=object)
    classes = np.array(_texts(features, "asset_class"), dtype=object)
    for asset_class in sorted(set(classes)):
        profile = meta.profiles.get(asset_class)
        if profile is None:
            continue
        items = profile.scored_features
        rows = np.flatnonzero(classes == asset_class)
        mine = features.iloc[rows]
        components = component_parts(mine, profile).score
        states = np.zeros((len(rows), len(items)), dtype=np.int64)  # 0 used, 1 absent, 2 not comparable, 3 stale
        for j, item in enumerate(items):
            absent = mine[item.feature].isna().to_numpy()
            stale = ~(mine[f"{item.group}_weight_frac"].to_numpy(dtype=np.float64, na_value=0.0) > 0.0)
            states[:, j] = np.where(absent, 1, np.where(np.isnan(components[:, j]), 2, np.where(stale, 3, 0)))
        patterns, inverse = np.unique(states @ (4 ** np.arange(len(items))), return_index=False, return_inverse=True)
        texts = []
        for pattern in patterns.tolist():
            listed = []
            for j, item in enumerate(items):
                state = (pattern >> (2 * j)) & 3
                if state:
                    reason = ("", "absent", "not comparable: short history and few peers", "stale")[state]
                    listed.append(
                        {
                            "feature": item.feature,
                            "reason": failed.get(_ADAPTERS[item.group], reason) if state != 2 else reason,
                        }
                    )
            texts.append(orjson.Fragment(orjson.dumps(listed)))
        for row, which in zip(rows.tolist(), inverse.tolist(), strict=True):
            fragments[row] = texts[which]
    return list(fragments)


def _alerts(warnings: pd.DataFrame) -> dict[str, dict[str, object]]:
    return {
        instrument: {"state": state, "raised_on": raised, "change_points": points, "reference_date": reference}
        for instrument, state, raised, points, reference in zip(
            _texts(warnings, "instrument_id"), _texts(warnings, "state"), _dates(warnings, "raised_on"),
            _numbers(warnings, "change_points"), _dates(warnings, "reference_date"), strict=True,
        )
    }  # fmt: skip


def _text_column(documents: Iterator[bytes]) -> "pd.Series[str]":
    """Text column of UTF-8 documents; a few thousand at a time are Python objects."""
    chunks = []
    while some := list(itertools.islice(documents, _DOCUMENTS_AT_ONCE)):
        ends = np.cumsum([0, *map(len, some)], dtype=np.int64)
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(some))]
        chunks.append(pa.Array.from_buffers(pa.large_string(), len(some), buffers))
    column: pd.Series[str] = pa.chunked_array(chunks, pa.large_string()).to_pandas()
    return column.astype("str")


def _texts(frame: pd.DataFrame, name: str) -> list[Any]:
    values = frame[name]
    if isinstance(values.dtype, pd.CategoricalDtype):
        texts = np.array([*values.cat.categories, None], dtype=object)  # the last one answers code -1: null
        return list(texts[values.cat.codes.to_numpy()].tolist())
    return list(pa.array(values, from_pandas=True).to_pylist())


def _numbers(frame: pd.DataFrame, name: str) -> list[float]:
    """Plain floats; NaN, which orjson writes as null."""
    return list(frame[name].to_numpy(dtype=np.float64, na_value=np.nan).tolist())


def _dates(frame: pd.DataFrame, name: str) -> list[Any]:
    codes, labels = pd.factorize(frame[name])
    texts = [*(pd.Timestamp(label).date().isoformat() for label in labels), None]  # a missing day has code -1
    return [texts[code] for code in codes.tolist()]


def _object(properties: Mapping[str, object], optional: tuple[str, ...] = ()) -> dict[str, object]:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": dict(properties)}


def _score_schema(direction: str) -> dict[str, object]:
    points = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
    driver = _object(
        {
            "feature": {"type": "string"},
            "score": {**points, "description": "Component score, points; null for an adjustment."},
            "weight": {"type": "number", "minimum": 0, "maximum": 1},
            "contribution": {
                "type": "number",
                "description": "Signed points; base_points + sum of contributions = score.",
            },
        }
    )
    schema = _object(
        {
            "score": points,
            "scale": {"const": "0-100"},
            "direction": {"const": direction},
            "method": {"enum": list(SCORE_METHODS)},
            "reason": {"type": ["string", "null"], "description": "Why there is no score, or none of the usual kind."},
            "coverage_frac": {"type": "number", "minimum": 0, "maximum": 1},
            "uncertainty_sd_points": {"type": ["number", "null"], "minimum": 0},
            "lower_80": points,
            "upper_80": points,
            "oldest_input_age_s": {"type": ["number", "null"], "minimum": 0},
            "base_points": {"const": _BASE_POINTS},
            "drivers": {"type": "array", "items": driver},
        }
    )
    return {
        **schema,
        "if": {"properties": {"score": {"type": "null"}}},
        "then": {
            "properties": {"method": {"const": "insufficient_data"}, "reason": {"type": "string", "minLength": 1}}
        },
        "else": {
            "properties": {
                "uncertainty_sd_points": {"type": "number"},
                "lower_80": {"type": "number"},
                "upper_80": {"type": "number"},
            }
        },
    }


def _forecast_schema() -> dict[str, object]:
    points = {"type": ["number", "null"], "minimum": 0, "maximum": 100}
    driver = _object({"input": {"type": "string"}, "points": {"type": "number"}})
    horizon = _object(
        {
            "sessions": {
                "type": "integer",
                "minimum": 1,
                "maximum": 5,
                "description": "Sessions of its calendar ahead.",
            },
            "date": {**_DATE, "type": ["string", "null"]},
            "score": {**points, "description": "Median."},
            **{f"{side}_{band}": points for side in ("lower", "upper") for band in (95, 80, 50)},
            "drivers": {"type": "array", "items": driver, "description": "Adds up to score - base_score."},
        }
    )
    block = _object(
        {
            "status": {"enum": list(FORECAST_STATUS), "description": "Who speaks; see the data dictionary."},
            "member": {"type": ["string", "null"]},
            "model_id": {**_HASH, "type": ["string", "null"]},
            "reason": {"type": ["string", "null"], "description": "Why no model speaks."},
            "base_score": points,
            "horizons": {"type": "array", "items": horizon, "minItems": 1, "maxItems": 5},
        }
    )
    said = {"status": {"enum": [each for each in FORECAST_STATUS if each != "insufficient_data"]}}
    full = {name: {"type": "number"} for name in ("score", "lower_95", "upper_95")}
    return {
        **block,
        "type": ["object", "null"],
        "if": {"type": "object", "properties": said},
        "then": {"properties": {"horizons": {"items": {"properties": full}}}},
        "else": {"properties": {"reason": {"type": "string", "minLength": 1}}},
    }


_DATE: Final = {"type": "string", "format": "date", "pattern": r"^\d{4}-\d{2}-\d{2}$"}
_HASH: Final = {"type": "string", "pattern": "^[0-9a-f]{16}$"}
_LABEL: Final = {"type": ["string", "null"]}
_SIGNED: Final = {"type": ["number", "null"], "minimum": -100, "maximum": 100}
_AGE: Final = {"type": ["number", "null"], "minimum": 0}

PULSE_SCHEMA: Final[dict[str, object]] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "liquidity_pulse.json",
    "description": "The published pulse of one session. Scores are 0-100; missing is null with a reason.",
    **_object(
        {
            "schema_version": {"const": SCHEMA_VERSION},
            "session_date": _DATE,
            "published_at": {"type": "string", "format": "date-time", "description": "UTC."},
            "config_hash": _HASH,
            "code_version": {"type": "string", "minLength": 1},
            "data": {"type": "array", "items": {"$ref": "#/$defs/pulse"}},
        }
    ),
    "$defs": {
        "pulse": _object(
            {
                "instrument_id": {"type": "string", "minLength": 3},
                "as_of": _DATE,
                "asset_class": {"enum": list(ASSET_CLASSES)},
                "issuer_id": _LABEL,
                "sector": {"enum": [*SECTORS, None]},
                "rating": {"enum": [*RATINGS, None]},
                **{name: _score_schema(direction) for name, direction in _DIRECTIONS.items()},
                "forecast": _object({name: _forecast_schema() for name in _FORECAST_OF.values()}),
                "change": _object(
                    {
                        "points": {**_SIGNED, "description": "Liquidity score minus that of the previous session."},
                        "since": {**_DATE, "type": ["string", "null"]},
                        "drivers": {
                            "type": "array",
                            "items": _object({"feature": {"type": "string"}, "points": {"type": "number"}}),
                            "description": "Sums to points.",
                        },
                        "reason": {"type": ["string", "null"]},
                    }
                ),
                "missing_signals": {
                    "type": "array",
                    "items": _object(
                        {"feature": {"enum": list(SCORED_FEATURES)}, "reason": {"type": "string", "minLength": 1}}
                    ),
                },
                "ages_s": _object(dict.fromkeys(_GROUPS, _AGE)),
                "spread_origin": _LABEL,
                "anomalies": {"type": "array", "items": {"type": "string"}},
                "warning": {
                    "anyOf": [
                        {"type": "null"},
                        _object(
                            {
                                "state": {"enum": ["raised", "active", "cleared"]},
                                "raised_on": _DATE,
                                "change_points": {"type": "number", "minimum": -100, "maximum": 100},
                                "reference_date": _DATE,
                            }
                        ),
                    ]
                },
                "profile": {"type": "string", "minLength": 1},
                "config_hash": _HASH,
                "code_version": {"type": "string", "minLength": 1},
                "source": {"type": "string", "minLength": 1},
            }
        )
    },
}
