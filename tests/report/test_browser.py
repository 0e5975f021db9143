"""The page in a real browser: it loads nothing, follows the reader's theme, fits a narrow window, shows its pictures.

Needs the Python package playwright and a Chromium on the PATH; skipped where either is absent.
"""

import shutil
from dataclasses import replace

import pytest

from gradcheck.report import as_html

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on the PATH")

# Without a sandbox, which root has not; without Chromium's own traffic in the background.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
COLORS = "() => ['color', 'backgroundColor'].map(k => getComputedStyle(document.body)[k].match(/\\d+/g).map(Number))"
NARROW, WIDE = 400, 1000


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture
def page_of(browser, tmp_path, disagreement, agreement, failure):
    """Open the page of several results, one of them with a name that is markup; returns page, requests, messages."""
    many = [disagreement, replace(agreement, target='<b onclick="x()">net</b>'), failure]
    path = tmp_path / "report.html"
    path.write_text(as_html.documents(many, "0.1.0"), encoding="utf-8")
    contexts = []

    def opened(width=WIDE, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 800}, color_scheme=scheme)
        contexts.append(context)
        page, requests, messages = context.new_page(), [], []
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        page.goto(path.as_uri())
        return page, requests, messages

    yield opened
    for context in contexts:
        context.close()


def test_page_asks_for_itself_alone_and_logs_nothing(page_of):
    _, requests, messages = page_of()
    assert len(requests) == 1
    assert requests[0].startswith("file://")
    assert messages == []


def test_cards_table_and_pictures_are_visible(page_of):
    page, _, _ = page_of()
    assert page.locator("article").count() == 3
    assert page.locator("article svg").count() == 4
    assert all(card.is_visible() for card in page.locator("article").all())
    for picture in page.locator("article svg").all():
        assert picture.is_visible()
        box = picture.bounding_box()
        assert box["width"] > 30
        assert box["height"] > 20
    assert page.locator("main > div.scroll table tr").count() == 3


def test_links_of_the_table_lead_to_the_cards(page_of):
    page, _, _ = page_of()
    page.locator("main > div.scroll a").nth(2).click()
    assert page.url.endswith("#result-3")
    assert page.evaluate("document.querySelector('#result-3').getBoundingClientRect().top") < 800


def test_a_folded_card_opens(page_of):
    page, _, _ = page_of()
    folded = page.locator("#result-2 > details")
    assert not folded.locator("table").first.is_visible()
    folded.locator("summary").first.click()
    assert folded.locator("table").first.is_visible()


def test_names_of_a_user_are_shown_as_they_are(page_of):
    page, _, _ = page_of()
    assert page.locator("main b").count() == 0
    assert '<b onclick="x()">net</b>' in page.locator("#result-2 h2").inner_text()


def test_dark_and_light_themes_differ_and_can_be_read(page_of):
    colors = {}
    for scheme in ("light", "dark"):
        page, _, _ = page_of(scheme=scheme)
        text, surface = page.evaluate(COLORS)
        colors[scheme] = (text, surface)
        assert contrast(text, surface) >= 7  # WCAG 2, level AAA for body text
    assert colors["light"] != colors["dark"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_does_not_scroll_sideways(page_of, scheme):
    page, _, _ = page_of(width=NARROW, scheme=scheme)
    for details in page.locator("details").all():
        details.evaluate("d => d.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROW
    for box in (picture.bounding_box() for picture in page.locator("svg").all()):
        assert box["x"] + box["width"] <= NARROW


def contrast(one, other):
    """The ratio of luminances of WCAG 2."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color):
    shares = [c / 255 for c in color[:3]]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
