"""Landing folder: layouts, pruning by name, refusals, stories, BondX files."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import resources.feeds._landing_files as landing_files
from liquidity.contracts.signals import INSTRUMENTS, MACRO_SERIES, MICROSTRUCTURE
from liquidity.domain.errors import ConfigError, ContractError
from resources.feeds._landing_files import LandedFile
from resources.feeds._recording import contract_rows
from resources.feeds.landing import LandingFeed

ISIN = "INE094A08176"
APPLE = "US0378331005"


def quotes(days: list[str], ids: tuple[str, ...] = (ISIN, APPLE)) -> pd.DataFrame:
    grid = pd.MultiIndex.from_product([pd.to_datetime(days).astype("datetime64[us]"), ids]).to_frame(index=False)
    at = (grid[0] + pd.Timedelta(hours=9)).dt.tz_localize("UTC")
    return contract_rows(
        MICROSTRUCTURE,
        {
            "session_date": grid[0],
            "instrument_id": grid[1],
            "venue": "NSE",
            "close": 100.0,
            "observed_at": at,
            "known_at": at,
            "source": "vendor",
        },
    )


def put(folder: Path, table: str, name: str, rows: pd.DataFrame) -> Path:
    (folder / table).mkdir(parents=True, exist_ok=True)
    path = folder / table / name
    if path.suffix == ".parquet":
        rows.to_parquet(path, index=False)
    elif path.suffix == ".csv":
        rows.dropna(axis=1, how="all").to_csv(
            path, index=False, date_format="%Y-%m-%dT%H:%M:%SZ" if "published_at" in rows else None
        )
    else:
        path.write_text(
            rows.to_json(orient="records", date_format="iso", lines=path.suffix == ".jsonl"), encoding="utf-8"
        )
    return path


def test_parquet_csv_and_json_hold_the_same_rows(tmp_path: Path) -> None:
    rows = quotes(["2026-03-18", "2026-03-19"])
    put(tmp_path / "parquet", "microstructure", "q.parquet", rows)
    text = rows.assign(session_date=rows["session_date"].dt.strftime("%Y-%m-%d"))
    for name in ("observed_at", "known_at"):
        text[name] = text[name].dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    text = text.dropna(axis=1, how="all")
    put(tmp_path / "csv", "microstructure", "q.csv", text)
    put(tmp_path / "json", "microstructure", "q.json", text)
    got = [
        LandingFeed(tmp_path / kind).fetch("microstructure", date(2026, 3, 18), date(2026, 3, 19))
        for kind in ("parquet", "csv", "json")
    ]
    pd.testing.assert_frame_equal(got[0], rows)
    pd.testing.assert_frame_equal(got[1], rows)
    pd.testing.assert_frame_equal(got[2], rows)


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("session_date=2026-03-19.parquet", date(2026, 3, 19), date(2026, 3, 19)),
        ("simulated-2026-02.parquet", date(2026, 2, 1), date(2026, 2, 28)),
        ("v2-2026-03-19-late.csv", date(2026, 3, 19), date(2026, 3, 19)),
        ("all.parquet", None, None),
    ],
)
def test_names_say_days(tmp_path: Path, name: str, first: date | None, last: date | None) -> None:
    (tmp_path / name).write_bytes(b"x")
    (file,) = landing_files.landed_files(tmp_path)
    assert (file.first, file.last) == (first, last)


def test_one_day_opens_only_its_own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in range(1, 29):
        put(tmp_path, "microstructure", f"v-2026-02-{day:02d}.parquet", quotes([f"2026-02-{day:02d}"]))
    put(tmp_path, "microstructure", "v-2026-03.parquet", quotes(["2026-03-02", "2026-03-03"]))
    opened: list[str] = []
    real = landing_files.read_foreign_file

    def spy(path: Path, *rest: object) -> object:
        opened.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr(landing_files, "read_foreign_file", spy)
    feed = LandingFeed(tmp_path)
    assert len(feed.fetch("microstructure", date(2026, 2, 10), date(2026, 2, 10))) == 2
    assert opened == ["v-2026-02-10.parquet"]
    opened.clear()
    assert len(feed.fetch("microstructure", date(2026, 3, 3), date(2026, 3, 3))) == 2
    assert opened == ["v-2026-03.parquet"]
    assert len(feed.sessions()) == 30


def test_a_changed_file_is_read_again(tmp_path: Path) -> None:
    put(tmp_path, "microstructure", "all.parquet", quotes(["2026-03-18"]))
    feed = LandingFeed(tmp_path)
    assert len(feed.fetch("microstructure", date(2026, 3, 1), date(2026, 3, 31))) == 2
    put(tmp_path, "microstructure", "all.parquet", quotes(["2026-03-18", "2026-03-19", "2026-03-20"]))
    assert len(feed.fetch("microstructure", date(2026, 3, 1), date(2026, 3, 31))) == 6


def refused(folder: Path, match: str, feed: LandingFeed | None = None) -> None:
    with pytest.raises(ContractError, match=match):
        (feed or LandingFeed(folder)).fetch("microstructure", date(2026, 3, 1), date(2026, 3, 31))


def test_a_file_whose_name_lies_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "microstructure", "v-2026-03-18.parquet", quotes(["2026-03-18", "2026-03-19"]))
    refused(tmp_path, "2 of 4 rows are of other days, first 2026-03-19")


def test_naive_times_are_refused_unless_told(tmp_path: Path) -> None:
    rows = quotes(["2026-03-18"])
    for name in ("observed_at", "known_at"):
        rows[name] = rows[name].dt.tz_localize(None)
    put(tmp_path, "microstructure", "v-2026-03-18.parquet", rows)
    refused(tmp_path, "timestamps without a time zone")
    told = LandingFeed(tmp_path, naive_times_utc=True).fetch("microstructure", date(2026, 3, 18), date(2026, 3, 18))
    pd.testing.assert_frame_equal(told, quotes(["2026-03-18"]))


def test_schema_drift_is_refused_and_given_quality_is_ignored(tmp_path: Path) -> None:
    put(tmp_path, "microstructure", "v.parquet", quotes(["2026-03-18"]).assign(quality_frac=1.0, age_market_s=0.0))
    assert "quality_frac" not in LandingFeed(tmp_path).fetch("microstructure", date(2026, 3, 18), date(2026, 3, 18))
    put(tmp_path, "microstructure", "v.parquet", quotes(["2026-03-18"]).assign(colour="red"))
    refused(tmp_path, "colour")
    put(tmp_path, "microstructure", "v.parquet", quotes(["2026-03-18"]).drop(columns="venue"))
    refused(tmp_path, "venue")


def test_torn_renamed_and_foreign_files_are_refused(tmp_path: Path) -> None:
    path = put(tmp_path, "microstructure", "v.parquet", quotes(["2026-03-18"]))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    refused(tmp_path, r"v\.parquet")
    path.write_bytes(whole)
    path.rename(path.with_suffix(".csv"))
    refused(tmp_path, "content is parquet, the name says .csv")
    path.with_suffix(".csv").rename(path.with_suffix(".xlsx"))
    refused(tmp_path, r"ending '.xlsx'")


def test_links_out_of_the_folder_are_refused(tmp_path: Path) -> None:
    outside = put(tmp_path / "elsewhere", "microstructure", "v.parquet", quotes(["2026-03-18"]))
    (tmp_path / "in" / "microstructure").mkdir(parents=True)
    (tmp_path / "in" / "microstructure" / "v.parquet").symlink_to(outside)
    refused(tmp_path / "in", "leads outside")


def test_files_being_written_are_left_alone(tmp_path: Path) -> None:
    put(tmp_path, "microstructure", "v.parquet", quotes(["2026-03-18"]))
    for name in (".hidden.parquet", "_half.parquet", "v.parquet.tmp"):
        (tmp_path / "microstructure" / name).write_bytes(b"half")
    assert len(LandingFeed(tmp_path).fetch("microstructure", date(2026, 3, 18), date(2026, 3, 18))) == 2


def test_an_unknown_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no table 'gossip'"):
        LandingFeed(tmp_path).fetch("gossip", date(2026, 3, 18), date(2026, 3, 18))


def instruments(days: list[str]) -> pd.DataFrame:
    grid = pd.MultiIndex.from_product([pd.to_datetime(days).astype("datetime64[us]"), [ISIN, APPLE]]).to_frame(
        index=False
    )
    issuer = grid[1].map({ISIN: "HPCL", APPLE: "APPLE"})
    return contract_rows(
        INSTRUMENTS,
        {
            "session_date": grid[0], "instrument_id": grid[1], "asset_class": "bond_corporate", "issuer_id": issuer,
            "currency": "INR", "calendar": "XBOM", "source": "vendor",
        },
    )  # fmt: skip


@pytest.mark.feature("BX-SG-04")
def test_a_story_delivered_twice_counts_once(tmp_path: Path) -> None:
    put(tmp_path, "instruments", "i.parquet", instruments(["2026-03-19", "2026-03-20", "2026-03-23"]))
    stories = pd.DataFrame(
        {
            "story_id": ["s1", "s2", "s1", "s3", "s4"],
            "issuer_id": ["HPCL", "HPCL", "HPCL", None, "HPCL"],
            "instrument_id": [None, None, None, APPLE, None],
            "published_at": pd.to_datetime(
                [
                    "2026-03-19T05:00Z",
                    "2026-03-19T06:00Z",
                    "2026-03-19T07:00Z",
                    "2026-03-20T05:00Z",
                    "2026-03-21T05:00Z",
                ]
            ),
            "sentiment_score": [0.5, -0.1, 0.5, -0.8, 0.2],
            "topics": ["earnings,market", "market", "earnings", None, "regulatory"],
            "source": "news",
        }
    )
    put(tmp_path, "stories", "a.parquet", stories.iloc[:3])
    put(tmp_path, "stories", "b.parquet", stories)
    rows = LandingFeed(tmp_path).fetch("sentiment", date(2026, 3, 19), date(2026, 3, 23))
    got = rows.set_index(["session_date", "instrument_id"])
    first = got.loc[(pd.Timestamp("2026-03-19"), ISIN)]
    assert first[["sentiment_score", "buzz_volume", "topics"]].tolist() == [pytest.approx(0.2), 2.0, "earnings,market"]
    assert got.loc[(pd.Timestamp("2026-03-20"), APPLE), "sentiment_score"] == -0.8
    assert got.loc[(pd.Timestamp("2026-03-23"), ISIN), "topics"] == "regulatory"  # Saturday's story belongs to Monday
    assert len(got) == 3
    assert rows["sentiment_score"].between(-1, 1).all()
    alone = LandingFeed(tmp_path).fetch("sentiment", date(2026, 3, 23), date(2026, 3, 23))
    pd.testing.assert_frame_equal(alone, rows[rows["session_date"] == "2026-03-23"].reset_index(drop=True))


def bondx_folder(folder: Path) -> LandingFeed:
    at = pd.to_datetime(["2026-03-19T05:00Z", "2026-03-19T07:00Z", "2026-03-19T09:00Z", "2026-03-20T05:00Z"]).astype(
        "datetime64[us, UTC]"
    )
    (folder / "bondx").mkdir(parents=True)
    frames = {
        "microstructure": pd.DataFrame(
            {
                "timestamp": at, "isin": ISIN, "bid": [99.0, 99.5, 101.0, 99.0], "ask": [101.0, 100.5, 100.0, 101.0],
                "l2_depth_qty": [1e6, 2e6, 1e6, 1e6], "trades_count": pd.array([1, 2, 3, 1], dtype="Int64"), "vwap": [100.0, 100.2, 100.0, 99.0],
                "volume_face": [1e6, 2e6, 3e6, 1e6], "time_since_last_trade_s": [60.0, 30.0, 10.0, 60.0],
            }
        ),
        "auction_mm": pd.DataFrame({"timestamp": at, "isin": ISIN, "mm_online": [True, False, True, True], "mm_spread_bps": [10.0, 30.0, 20.0, 5.0]}),
        "alt_signals": pd.DataFrame(
            {
                "timestamp": at, "issuer_id": ["HPCL", "HPCL", "NOBODY", "HPCL"], "source_id": ["traffic", "utilities", "traffic", "horoscope"],
                "value": [110.0, 90.0, 1.0, 2.0], "unit": "index", "quality": ["excellent", "poor", "good", "good"], "freshness_s": 3600.0,
            }
        ),
        "sentiment": pd.DataFrame(
            {
                "timestamp": at, "issuer_id": "HPCL", "sentiment_score": [0.2, 0.4, 0.0, -0.5], "buzz_volume": [1.0, 2.0, 3.0, 4.0],
                "topics": [json.dumps({"market": 0.5, "earnings": 0.5}), None, None, None], "quality": ["good", "poor", "good", "excellent"],
            }
        ),
    }  # fmt: skip
    for table, frame in frames.items():
        frame.to_parquet(folder / "bondx" / f"{table}.parquet", index=False)
    (folder / "bondx" / "issuer_map.csv").write_text(f"issuer_id,isin\nHPCL,{ISIN}\n", encoding="utf-8")
    return LandingFeed(folder)


def test_bondx_tables_are_bridged(tmp_path: Path) -> None:
    feed = bondx_folder(tmp_path)
    day = date(2026, 3, 19)
    micro = feed.fetch("microstructure", day, day).iloc[0]
    assert micro[["bid", "ask", "trades_count"]].tolist() == [99.5, 100.5, 2]
    assert micro["quoted_spread_bps"] == pytest.approx(150.0)
    assert micro["turnover_ccy"] == pytest.approx(2e6 * 1.002)
    assert str(micro["last_trade_at"]) == "2026-03-19 06:59:30+00:00"
    assert micro["feed_rules"] == "depth_unit_assumed"
    auction = feed.fetch("auction_mm", day, day).iloc[0]
    assert auction["mm_online_ratio"] == pytest.approx(2 / 3)
    assert auction["mm_spread_bps"] == 20.0
    alt = feed.fetch("alt_signals", day, day).set_index("kind")
    assert alt["value"].to_dict() == {"traffic": 110.0, "utilities": 90.0}
    assert alt["feed_rules"].to_dict() == {"traffic": "", "utilities": "quality_poor"}
    assert str(alt.loc["traffic", "observed_at"]) == "2026-03-19 04:00:00+00:00"
    mood = feed.fetch("sentiment", day, day).iloc[0]
    assert mood[["sentiment_score", "buzz_volume", "topics"]].tolist() == [pytest.approx(0.2), 6.0, "earnings,market"]
    assert feed.set_aside()["reason"].value_counts().to_dict() == {
        "crossed_quote": 1,
        "unmapped_issuer": 1,
        "not_allowed": 1,
    }
    assert feed.sessions() == [day, date(2026, 3, 20)]


def test_bondx_without_issuer_map_is_refused(tmp_path: Path) -> None:
    feed = bondx_folder(tmp_path)
    (tmp_path / "bondx" / "issuer_map.csv").unlink()
    with pytest.raises(ContractError, match=r"issuer_map\.csv: missing"):
        feed.fetch("sentiment", date(2026, 3, 19), date(2026, 3, 19))
    assert len(feed.fetch("microstructure", date(2026, 3, 19), date(2026, 3, 19))) == 1


def test_macro_series_land_too(tmp_path: Path) -> None:
    rows = contract_rows(
        MACRO_SERIES,
        {
            "session_date": pd.to_datetime(["2026-03-19"]), "series_id": "VIX_CLOSE", "value": [18.5], "unit": "percent per year",
            "observed_at": pd.to_datetime(["2026-03-20T00:00Z"]), "source": "vendor",
        },
    )  # fmt: skip
    put(tmp_path, "macro_series", "m.parquet", rows)
    got = LandingFeed(tmp_path).fetch("macro_series", date(2026, 3, 19), date(2026, 3, 19))
    pd.testing.assert_frame_equal(got, rows)


def test_a_file_that_names_no_day_may_hold_any() -> None:
    assert LandedFile(Path("x"), None, None).may_hold(date(2026, 1, 1), date(2026, 1, 2))
    assert np.all(
        [not LandedFile(Path("x"), date(2026, 1, 5), date(2026, 1, 5)).may_hold(date(2026, 1, 1), date(2026, 1, 4))]
    )
