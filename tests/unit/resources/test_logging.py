"""Log lines are JSON and hold no secret."""

import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from resources.logging import MASK, RedactingFilter, configure_logging, get_logger, redact, redact_text

CANARY = "canary-7f3a9c"


@pytest.fixture(autouse=True)
def restore_structlog():
    yield
    structlog.reset_defaults()


def test_lines_are_json_with_bound_fields():
    stream = io.StringIO()
    configure_logging("INFO", stream)
    get_logger(run_id="r1").info("published", rows=3)
    get_logger().debug("not written")
    [line] = stream.getvalue().splitlines()
    content = json.loads(line)
    assert {key: content[key] for key in ("event", "level", "rows", "run_id")} == {
        "event": "published",
        "level": "info",
        "rows": 3,
        "run_id": "r1",
    }
    assert content["ts"].endswith("Z")


@pytest.mark.feature("BX-CF-05")
def test_no_secret_reaches_the_log():
    stream = io.StringIO()
    configure_logging("INFO", stream)
    log = get_logger(api_key=CANARY)
    log.info(
        f"connect postgresql://u:{CANARY}@h/d",
        settings={"password": CANARY, "list": [{"token": CANARY}]},
        url=f"redis://:{CANARY}@h",
    )
    try:
        raise ValueError(f"password={CANARY}")
    except ValueError:
        log.exception("failed")
    assert len(stream.getvalue().splitlines()) == 2
    assert CANARY not in stream.getvalue()


@pytest.mark.feature("BX-CF-05")
def test_standard_library_records_are_masked_with_arguments_and_tracebacks():
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.Logger("probe")
    logger.addHandler(handler)
    try:
        raise ValueError(f"postgresql://u:{CANARY}@h/d")
    except ValueError:
        logger.exception("cannot reach %s", f"postgresql://u:{CANARY}@h/d")
    assert CANARY not in stream.getvalue()
    assert MASK in stream.getvalue()
    assert "Traceback" in stream.getvalue()


def test_innocent_values_stay():
    value = {
        "keys": 3,
        "token_count_note": "x",
        "author": "a",
        "path": "s3://bucket/key",
        "monkey": "m",
        "ok": True,
        "none": None,
    }
    assert redact({key: value[key] for key in ("keys", "author", "path", "monkey", "ok", "none")}) == {
        key: value[key] for key in ("keys", "author", "path", "monkey", "ok", "none")
    }
    assert redact_text("see https://example.org:8080/a@b") == "see https://example.org:8080/a@b"


@given(
    st.text(
        st.characters(codec="ascii", exclude_characters="@/: \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f", min_codepoint=33),
        min_size=8,
        max_size=30,
    )
)
def test_any_password_in_an_address_is_masked(password):
    assert redact_text(f"postgresql+psycopg2://u:{password}@h:1/d") == f"postgresql+psycopg2://u:{MASK}@h:1/d"
