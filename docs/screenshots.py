"""Take the pictures of the documents from a running UI: ``python docs/screenshots.py http://127.0.0.1:3000``.

Needs a Chromium on the machine (its path in CHROMIUM, default /usr/bin/chromium) and ``make dev`` running on a
workspace that ``make tour`` filled.
"""

import os
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, ViewportSize, sync_playwright

PICTURES = Path(__file__).resolve().parent / "pictures"
SIZE, TALL = ViewportSize(width=1600, height=1000), ViewportSize(width=1600, height=1500)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _open_groups(page: Page) -> None:
    """Show the assets inside the groups, and hide what stands at the left so that the graph gets the width."""
    page.set_viewport_size(TALL)
    page.get_by_text("Hide navigation", exact=True).click()
    page.keyboard.press("Alt+E")  # expands all groups
    page.wait_for_timeout(3_000)
    page.reload(wait_until="domcontentloaded")  # the groups stay open, and the graph is fitted to the window's width
    page.get_by_text("liquidity_pulse").first.wait_for(state="attached", timeout=60_000)
    page.wait_for_timeout(5_000)
    for _ in range(2):  # fitted to the width only: zoom out until the height fits as well
        page.mouse.click(1_572, TALL["height"] - 148)
        page.wait_for_timeout(400)
    page.wait_for_timeout(3_000)


def _plots(page: Page) -> None:
    """The numbers of the metadata as plots over the days."""
    page.get_by_role("button", name="Plots").click()
    page.wait_for_timeout(4_000)
    page.get_by_text("mean_coverage_frac", exact=True).first.evaluate("element => element.scrollIntoView()")


def _metadata(page: Page) -> None:
    """The newest day's numbers, tables and pictures."""
    page.get_by_text("Metadata", exact=True).first.evaluate("element => element.scrollIntoView()")


def _overview(page: Page) -> None:
    """As the page opens."""


def _newest_day(page: Page) -> None:
    """Numbers, pictures and tables of the newest day, below those that every table tells."""
    page.get_by_text("books", exact=True).first.evaluate("element => element.scrollIntoView()")


def _fans(page: Page) -> None:
    """The fan charts of the newest day."""
    page.get_by_text("deepest_falls", exact=True).first.evaluate("element => element.scrollIntoView()")


def _accuracy(page: Page) -> None:
    """What fell due and whether the bands held."""
    page.get_by_text("judged", exact=True).first.evaluate("element => element.scrollIntoView()")


def _book_plots(page: Page) -> None:
    """The spread and depth of books over the days."""
    page.get_by_role("button", name="Plots").click()
    page.wait_for_timeout(4_000)
    page.get_by_text("mean_quoted_spread_bps", exact=True).first.evaluate("element => element.scrollIntoView()")


def _below_checks(page: Page) -> None:
    """A risk table's own numbers and pictures, below those that every table tells."""
    page.get_by_text("contract_version", exact=True).first.evaluate("element => element.scrollIntoView()")


PAGES: dict[str, tuple[str, str, Callable[[Page], None]]] = {
    "asset_graph": ("/asset-groups", "signals", _open_groups),
    "liquidity_index_overview": ("/assets/pulse/liquidity_index?view=overview", "mean_points", _overview),
    "liquidity_index_plots": ("/assets/pulse/liquidity_index?view=overview", "mean_points", _plots),
    "book_features": ("/assets/pulse/book_features?view=events", "books", _newest_day),
    "book_features_plots": ("/assets/pulse/book_features?view=overview", "Plots", _book_plots),
    "market_depth": ("/assets/pulse/market_depth?view=events", "books", _newest_day),
    "book_daily": ("/assets/pulse/book_daily?view=events", "books", _newest_day),
    "funding_rates": ("/assets/pulse/funding_rates?view=events", "books", _newest_day),
    "liquidation_levels": ("/assets/pulse/liquidation_levels?view=events", "books", _newest_day),
    "index_forecast": ("/assets/pulse/index_forecast?view=events", "deepest_falls", _fans),
    "forecast_scores": ("/assets/pulse/forecast_scores?view=events", "judged", _accuracy),
    "liquidity_surface": ("/assets/risk/liquidity_surface?view=events", "method observed", _below_checks),
    "liquidation_ladder": ("/assets/risk/liquidation_ladder?view=events", "ladder demo_fund", _below_checks),
    "reverse_stress": ("/assets/risk/reverse_stress?view=events", "first break", _below_checks),
    "var_backtest": ("/assets/risk/var_backtest?view=events", "models rejected", _below_checks),
    "heatmap": ("/assets/pulse/pulse_heatmap?view=overview", "masked_cells", _metadata),
}


def main(arguments: list[str]) -> int:
    """Visit each page, or those named after the address, wait for its content, and store the picture."""
    base = arguments[0] if arguments else "http://127.0.0.1:3000"
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        page = browser.new_page(viewport=SIZE)
        for name, (path, content, arrange) in PAGES.items():
            if not arguments[1:] or name in arguments[1:]:
                page.set_viewport_size(SIZE)
                page.goto(base + path, wait_until="domcontentloaded")
                page.get_by_text(content, exact=True).first.wait_for(state="attached", timeout=60_000)
                page.wait_for_timeout(2_500)  # the page is laid out after its data arrives
                arrange(page)
                page.wait_for_timeout(1_000)
                page.screenshot(path=PICTURES / f"{name}.png")
        browser.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
