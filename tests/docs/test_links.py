"""Links lead somewhere, and the pages speak of the product only."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md")] + sorted(
    (ROOT / "docs").rglob("*.md")
)
TEXTS = [*PAGES, ROOT / "config" / "liquidity.yaml", ROOT / "config" / "dagster.yaml", ROOT / "Makefile"]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MACHINE_PATH = re.compile(r"(?<![\w.<>-])/(?:home|root|tmp|work|farm|Users|var|opt|mnt|srv|usr/local)/")
OUTSIDE = re.compile(r"https?://(?!127\.0\.0\.1|localhost)\S+|pypi|pythonhosted|index-url|artifactory", re.IGNORECASE)


def named(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def prose(page: Path) -> str:
    return re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in plain}


@pytest.mark.feature("BX-MK-08")
@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_resolve(page: Path) -> None:
    for target in LINK.findall(prose(page)):
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        assert goal.exists(), f"{named(page)}: {target} leads nowhere"
        assert goal.is_relative_to(ROOT), f"{named(page)}: {target} leads out of the project"
        if anchor:
            assert anchor in anchors(goal), f"{named(page)}: {target}; headings are {sorted(anchors(goal))}"


@pytest.mark.parametrize("page", TEXTS, ids=named)
def test_no_page_names_a_machine_or_a_package_host(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not MACHINE_PATH.findall(text), f"{named(page)} names a path of one machine"
    # The Makefile says that the lock holds no addresses.
    found = [hit for hit in OUTSIDE.findall(text) if not (page.name == "Makefile" and hit == "index-url")]
    assert not found, f"{named(page)} names {found}"


def test_every_page_is_reached_from_the_readme() -> None:
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in LINK.findall(prose(page)):
            goal = (page.parent / target.partition("#")[0]).resolve()
            if goal.is_dir():
                waiting += goal.glob("*.md")
            elif goal.suffix == ".md" and goal.exists():
                waiting.append(goal)
    assert set((ROOT / "docs").rglob("*.md")) <= reached


def test_decisions_are_numbered_once() -> None:
    numbers = [page.name[:4] for page in (ROOT / "docs" / "decisions").glob("*.md")]
    assert sorted(numbers) == [f"{n:04d}" for n in range(1, len(numbers) + 1)]
