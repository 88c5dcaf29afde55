"""``pulse emulate VENUE``: run an emulator in the foreground until it is interrupted."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from liquidity_service.emulator.faults import parse_fault
from liquidity_service.emulator.generated import GeneratedMarket
from liquidity_service.emulator.server import VENUES, Emulator, TapeSource

__all__ = ["add_arguments", "run_emulator"]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``pulse emulate`` to a parser."""
    parser.add_argument("venue", choices=sorted(VENUES), help="venue to speak like")
    parser.add_argument("--tape", type=Path, help="capture (.jsonl, .jsonl.gz) or folder; without one a made-up market")
    parser.add_argument("--symbols", nargs="+", default=(), help="the venue's symbols of the made-up market")
    parser.add_argument("--seed", type=int, default=1, help="seed of the made-up market and of faults (default 1)")
    parser.add_argument("--port", type=int, default=0, help="port on 127.0.0.1 (default: a free one)")
    parser.add_argument("--speed", type=float, default=1.0, help="market seconds per second (default 1)")
    parser.add_argument("--now", action="store_true", help="start the market at once, not at the first subscription")
    parser.add_argument(
        "--fault",
        action="append",
        default=[],
        metavar="SPEC",
        help="for example 'cut stream=*@depth* message=50 times=5' or 'limit route=*/depth times=2'; repeatable",
    )
    parser.add_argument("--skew-ms", type=int, default=0, help="venue clock minus this machine's, milliseconds")


def run_emulator(options: argparse.Namespace) -> int:
    """Run until SIGINT or SIGTERM; prints the address once it listens. Exit code 0.

    Raises
    ------
    ConfigError
        On a fault, tape or symbol that cannot be used.
    """
    tape: TapeSource = options.tape or GeneratedMarket(seed=options.seed, symbols=tuple(options.symbols))
    emulator = Emulator(
        options.venue,
        tape,
        faults=[parse_fault(text) for text in options.fault],
        seed=options.seed,
        clock_skew_ms=options.skew_ms,
        speed=options.speed,
        port=options.port,
    )
    return asyncio.run(_serve(emulator, start=options.now))


async def _serve(emulator: Emulator, *, start: bool) -> int:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stopped.set)
    try:
        async with emulator:
            sys.stdout.write(f"{', '.join(emulator.venues)} on {emulator.url}\n")
            sys.stdout.flush()
            if start:
                emulator.start()
            await stopped.wait()
    finally:
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(name)
    return 0
