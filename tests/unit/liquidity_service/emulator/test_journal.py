"""The journal keeps requests and no secret."""

from liquidity_service.emulator.journal import Journal


def test_secrets_are_masked_at_any_depth():
    journal = Journal()
    journal.add("POST", "/hl/exchange", {"action": {"type": "order"}, "signature": {"r": "0x1"}, "apiKey": "k"}, 200)
    journal.add("GET", "/bn/fapi/v1/order", {"symbol": "BTCUSDT", "deep": {"listenKey": "x"}}, 200)
    assert journal.requests[0].params == {"action": {"type": "order"}, "signature": "***", "apiKey": "***"}
    assert journal.requests[1].params == {"symbol": "BTCUSDT", "deep": {"listenKey": "***"}}
    assert journal.count("GET", "/order") == 1
