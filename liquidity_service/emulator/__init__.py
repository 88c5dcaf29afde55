"""Venues on loopback: recorded tapes or generated markets behind the venues' own REST and WebSocket protocols.

Unmodified ccxt and ccxt.pro classes connect to it once their addresses are replaced (docs/decisions/0009). Start with
``server.py`` (the whole of it as one context manager), then ``market.py`` (what every venue serves), ``binance.py`` (one
venue's words for it), ``faults.py`` (what goes wrong on request) and ``ledger.py`` (orders and positions).
"""
