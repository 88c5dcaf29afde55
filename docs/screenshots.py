"""Take the pictures of the documents from a running UI: ``python docs/screenshots.py http://127.0.0.1:3000``.

Needs a Chromium on the machine (its path in CHROMIUM, default /usr/bin/chromium) and ``make dev`` running on a
workspace that ``make tour`` filled.
"""

import os
import sys
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).resolve().parent / "pictures"
PAGES = {
    "asset_graph": ("/asset-groups", "text=liquidity_pulse"),
    "liquidity_index_plots": ("/assets/pulse/liquidity_index?view=events", "text=Materialized"),
    "liquidity_index_overview": ("/assets/pulse/liquidity_index", "text=Description"),
}
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def main(arguments: list[str]) -> int:
    """Visit each page, wait for its content, and store the picture."""
    base = arguments[0] if arguments else "http://127.0.0.1:3000"
    PICTURES.mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=os.environ.get("CHROMIUM", "/usr/bin/chromium"), args=FLAGS
        )
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        for name, (path, content) in PAGES.items():
            _take(page, base + path, content, PICTURES / f"{name}.png")
        browser.close()
    return 0


def _take(page: Page, address: str, content: str, target: Path) -> None:
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector(content, timeout=60_000)
    page.wait_for_timeout(2_500)  # the graph is laid out after its data arrives
    page.screenshot(path=target)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
