"""Debian's Chromium (`make servers`), and axe-core as a package of the environment has it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.servers import unavailable

#: Milliseconds that anything may take on a machine that does much else.
PATIENCE = 60_000
WIDE, NARROW = {"width": 1280, "height": 860}, {"width": 390, "height": 844}

Open = Callable[..., Page]
Axe = Callable[[Page], list[str]]
Keep = Callable[[Page, str], None]


class Shape(NamedTuple):
    """A screen, and the colours that its owner likes."""

    dark: bool
    narrow: bool

    @property
    def options(self) -> dict[str, bool]:
        """For ``open_page``."""
        return self._asdict()

    def __str__(self) -> str:
        """``dark-narrow``."""
        return f"{'dark' if self.dark else 'light'}-{'narrow' if self.narrow else 'wide'}"


#: Each colour and each width once; all four where pictures are made.
SHAPES = [Shape(dark=False, narrow=False), Shape(dark=True, narrow=True)]
if os.environ.get("VIADUCT_PICTURES"):
    SHAPES += [Shape(dark=True, narrow=False), Shape(dark=False, narrow=True)]
each_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One for the session."""
    program = shutil.which("chromium")
    if program is None:
        unavailable(
            "there is no chromium",
            "the dashboard is not tested in a browser; as root: apt-get install chromium",
            optional=True,
        )
    arguments = ["--disable-gpu", "--disable-dev-shm-usage"]
    if os.getuid() == 0:
        arguments.append("--no-sandbox")  # Chromium has none for root
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=arguments, timeout=3 * PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Open]:
    """``open_page(url, dark=…, narrow=…)``: a page of a browser of its own. At the end nothing may have been
    asked of anywhere else, and no script may have failed.
    """
    contexts: list[BrowserContext] = []
    elsewhere: list[str] = []
    broken: list[str] = []

    def opened(url: str, *, dark: bool = False, narrow: bool = False) -> Page:
        scheme = "dark" if dark else "light"
        context = chromium.new_context(viewport=NARROW if narrow else WIDE, color_scheme=scheme)  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda asked: None if asked.url.startswith(url) else elsewhere.append(asked.url))
        page.on("pageerror", lambda error: broken.append(str(error)))
        page.on("console", lambda said: broken.append(said.text) if "Content Security" in said.text else None)
        page.goto(f"{url}/")
        return page

    yield opened
    for context in contexts:
        context.close()
    assert elsewhere == []
    assert broken == []


@pytest.fixture(scope="session")
def axe() -> Callable[[Page], list[str]]:
    """``axe(page)``: what is seriously wrong for who uses no mouse, or sees little."""
    script = resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")

    def found(page: Page) -> list[str]:
        page.evaluate(script)  # by the debugger, which the page's policy does not bind
        result: Any = page.evaluate("async () => await axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{page.url}: {one['id']}: {one['help']}: {[node['html'][:160] for node in one['nodes'][:3]]}"
            for one in result["violations"]
            if one["impact"] in ("serious", "critical", "moderate")
        ]

    return found


@pytest.fixture(scope="session")
def picture() -> Callable[[Page, str], None]:
    """``picture(page, name)`` keeps a picture of it, where VIADUCT_PICTURES names a folder (`make pictures`):
    of what is seen at once, or with VIADUCT_PICTURES_WHOLE of all of it.
    """
    folder, whole = os.environ.get("VIADUCT_PICTURES"), bool(os.environ.get("VIADUCT_PICTURES_WHOLE"))

    def kept(page: Page, name: str) -> None:
        if folder:
            page.screenshot(path=Path(folder) / f"{name}.png", full_page=whole)

    return kept
