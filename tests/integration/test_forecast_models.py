"""Which model served when, on a real PostgreSQL and real files: nothing half-stored, nothing foreign loaded."""

import hashlib
import signal
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import IntegrityError, InternalError, ProgrammingError
from sqlalchemy.pool import NullPool

from liquidity.domain.errors import ConfigError, ContractError, SourceUnavailableError
from liquidity.forecast.panel import MarketGroup
from resources.stores.forecast_models import ForecastModels, TrainedState

T0 = datetime(2026, 11, 20, 23, 0, tzinfo=UTC)
COINS = MarketGroup("crypto_spot", "24/7", "recorded")
BONDS = MarketGroup("bond_corporate", "XBOM", "simulated")


def trained(content=b"weights", through=date(2026, 11, 20), group=COINS, target="liquidity_score", member="forest"):
    return TrainedState(group, target, member, content, '{"seed": 7}', through - timedelta(days=365), through)


def promote(models, what, at=T0, code="0.1.0+a", run="run-1"):
    return models.promote(what, code_version=code, run_id=run, promoted_at=at)


def files(root):
    return sorted(path.relative_to(root).as_posix() for path in root.rglob("*"))


@pytest.fixture
def models(postgres_url, tmp_path):
    return ForecastModels(postgres_url, tmp_path)


@pytest.mark.feature("BX-FC-07")
def test_a_promoted_model_is_read_back_byte_for_byte_with_its_card(models, tmp_path):
    made = promote(models, trained())
    sha256 = hashlib.sha256(b"weights").hexdigest()

    assert (made.model_id, made.state_sha256, made.member) == (sha256[:16], sha256, "forest")
    assert (made.group, made.target) == (COINS, "liquidity_score")
    assert (made.data_from, made.data_through) == (date(2025, 11, 20), date(2026, 11, 20))
    assert made.promoted_at == T0
    assert models.state(made) == b"weights"
    assert (tmp_path / "models" / made.model_id / "card.json").read_text() == made.card == '{"seed": 7}'
    assert models.promotions() == [made]
    assert files(tmp_path) == [
        "models",
        f"models/{made.model_id}",
        f"models/{made.model_id}/card.json",
        f"models/{made.model_id}/state.npz",
    ]


@pytest.mark.feature("BX-FC-07")
def test_a_model_serves_the_sessions_after_those_it_learned_from(models):
    first = promote(models, trained(b"1", date(2026, 11, 10)), T0)
    second = promote(models, trained(b"2", date(2026, 11, 20)), T0 + timedelta(days=1))

    served = {day: models.champion(COINS, "liquidity_score", date(2026, 11, day)) for day in (10, 11, 20, 21)}
    assert served == {10: None, 11: first, 20: first, 21: second}
    assert models.champion(COINS, "bondx_score", date(2026, 11, 21)) is None
    assert models.champion(BONDS, "liquidity_score", date(2026, 11, 21)) is None
    assert models.champion(replace(COINS, origin="simulated"), "liquidity_score", date(2026, 11, 21)) is None


@pytest.mark.feature("BX-FC-07")
def test_the_model_of_a_session_as_of_then(models):
    first = promote(models, trained(b"1", date(2026, 11, 10)), T0)
    # The same window learned again later, and an older window trained even later.
    again = promote(models, trained(b"2", date(2026, 11, 10)), T0 + timedelta(days=3))
    promote(models, trained(b"3", date(2026, 11, 1)), T0 + timedelta(days=5))
    session = date(2026, 11, 15)

    assert models.champion(COINS, "liquidity_score", session) == again
    assert models.champion(COINS, "liquidity_score", session, T0 + timedelta(days=2)) == first
    assert models.champion(COINS, "liquidity_score", session, T0 - timedelta(seconds=1)) is None
    assert models.promotions(as_of=T0) == [first]
    with pytest.raises(ConfigError, match="no time zone"):
        models.champion(COINS, "liquidity_score", session, datetime(2026, 11, 20))  # noqa: DTZ001 - what is refused


def test_the_same_training_again_is_one_promotion(models, tmp_path):
    first = promote(models, trained())
    before = files(tmp_path)
    assert promote(models, trained(), T0 + timedelta(hours=1), run="run-2") == first
    assert files(tmp_path) == before
    assert promote(models, trained(), T0 + timedelta(hours=2), code="0.1.0+b").promotion_id > first.promotion_id
    assert len(models.promotions()) == 2


def test_two_trainings_at_once_leave_one_promotion(models):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: promote(models, trained()), range(4)))
    assert len(set(made)) == 1
    assert len(models.promotions()) == 1


class InterruptedPromotionError(Exception):
    """Stands for a process that ends here."""


@pytest.mark.feature("BX-FC-07")
@pytest.mark.parametrize("stage", ["staged", "stored", "recorded"])
def test_a_promotion_interrupted_anywhere_serves_nothing_and_can_be_repeated(postgres_url, tmp_path, stage):
    def stop(at):
        if at == stage:
            raise InterruptedPromotionError

    interrupted = ForecastModels(postgres_url, tmp_path, on_stage=stop)
    with pytest.raises(InterruptedPromotionError):
        promote(interrupted, trained())

    models = ForecastModels(postgres_url, tmp_path)
    assert models.promotions() == []
    assert models.champion(COINS, "liquidity_score", date(2026, 12, 1)) is None
    assert not list(tmp_path.rglob("*.tmp"))

    made = promote(models, trained())
    assert models.champion(COINS, "liquidity_score", date(2026, 12, 1)) == made
    assert models.state(made) == b"weights"


@pytest.mark.slow
def test_a_killed_process_leaves_no_model_that_serves(postgres_url, tmp_path):
    program = textwrap.dedent(
        """
        import os, signal, sys
        from datetime import UTC, date, datetime
        from pathlib import Path
        from liquidity.forecast.panel import MarketGroup
        from resources.stores.forecast_models import ForecastModels, TrainedState

        url, folder, stage = sys.argv[1:]
        kill = lambda at: os.kill(os.getpid(), signal.SIGKILL) if at == stage else None
        state = TrainedState(MarketGroup("crypto_spot", "24/7", "recorded"), "liquidity_score", "forest", b"weights",
                             "{}", date(2026, 1, 1), date(2026, 11, 20))
        ForecastModels(url, Path(folder), on_stage=kill).promote(
            state, code_version="c", run_id="r", promoted_at=datetime(2026, 11, 20, tzinfo=UTC))
        """
    )
    for stage in ("staged", "stored"):
        ended = subprocess.run([sys.executable, "-c", program, postgres_url, str(tmp_path), stage], check=False)
        assert ended.returncode == -signal.SIGKILL
        models = ForecastModels(postgres_url, tmp_path)
        assert models.promotions() == []
    assert promote(models, trained()).state_sha256 == hashlib.sha256(b"weights").hexdigest()


@pytest.mark.feature("BX-FC-07")
def test_a_state_that_is_not_the_promoted_one_is_refused(models, tmp_path):
    made = promote(models, trained())
    path = tmp_path / "models" / made.model_id / "state.npz"
    path.write_bytes(b"swapped")
    with pytest.raises(ContractError, match=f"promoted was {made.state_sha256}"):
        models.state(made)
    path.unlink()
    with pytest.raises(ContractError, match="is gone"):
        models.state(made)
    # The same training puts the right bytes back; the promotion is the one there was.
    path.write_bytes(b"half")
    assert promote(models, trained()) == made
    assert models.state(made) == b"weights"


def test_promotions_are_facts(models, postgres_url):
    made = promote(models, trained())
    engine = create_engine(postgres_url, poolclass=NullPool)
    with pytest.raises((InternalError, ProgrammingError), match="never changed"), engine.begin() as connection:
        connection.execute(text("UPDATE forecast_promotions SET member = 'ridge'"))
    with pytest.raises(IntegrityError, match="id_of_state"), engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO forecast_promotions (asset_class, calendar, origin, target, member, model_id, state_sha256, data_from, "
                "data_through, promoted_at, code_version, run_id, card) SELECT asset_class, calendar, origin, target, member, "
                "'0000000000000000', state_sha256, data_from, data_through, promoted_at, code_version, run_id, card FROM forecast_promotions"
            )
        )
    assert models.promotions() == [made]


def test_what_cannot_be_recorded_is_said(models, empty_postgres_url, tmp_path):
    with pytest.raises(ConfigError, match="no time zone"):
        promote(models, trained(), datetime(2026, 11, 20))  # noqa: DTZ001 - what is refused
    with pytest.raises(ConfigError, match="ascending window"):
        promote(models, replace(trained(), data_from=date(2026, 11, 21)))
    with pytest.raises(SourceUnavailableError, match="has not been migrated"):
        ForecastModels(empty_postgres_url, tmp_path).champion(COINS, "liquidity_score", date(2026, 11, 21))
