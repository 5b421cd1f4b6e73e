"""axe on the page that is open: the script goes in once, only what is wrong comes back. And when to look."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2 AA and axe's best practice.
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
# What other colours alone can break, and what other sizes can as well; all other rules read the document, which stays
# the same.
COLOURS = ["color-contrast", "link-in-text-block"]
LOOKS = [*COLOURS, "target-size"]
# Colours fade for a fifth of a second, one after the other where they are inherited: each is put to its end.
_FADE = """() => {
    const fades = () => document.getAnimations().filter(move => move instanceof CSSTransition);
    for (let round = 0; round < 20; round++) {
        const found = fades();
        if (!found.length) return true;
        found.forEach(fade => fade.finish());
    }
    return false;
}"""
# What a page that shows and hides other parts on a desk can break.
LAYOUT = [
    *LOOKS, "heading-order", "page-has-heading-one", "landmark-one-main", "landmark-unique", "region", "bypass",
    "aria-hidden-focus", "scrollable-region-focusable", "duplicate-id-aria", "link-name", "button-name", "label",
]  # fmt: skip
_SCRIPT = Axe().axe_script
_RUN = "options => axe.run(options).then(found => found.violations)"


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds by these rules or tags, by all that count without; one line each."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(_SCRIPT)
    options: dict[str, Any] = {"runOnly": rules or RULES, "resultTypes": ["violations"]}
    found = page.evaluate(_RUN, options)
    return [f"{page.url}: {v['id']} {v['nodes'][0]['html'][:160]}" for v in found]


def until(page: Page, condition: str) -> None:
    """When it holds and the picture of it is drawn. No `wait_for_function`: that is an eval, which the page forbids."""
    come = page.evaluate(
        f"""(async () => {{
            const drawn = () => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
            const end = performance.now() + 20_000;
            for (await drawn(); !({condition}); await new Promise(done => setTimeout(done, 40)))
                if (performance.now() > end) return false;
            return true;
        }})()"""
    )
    assert come, f"{page.url}: not within 20 s: {condition}"


def end_fades(page: Page) -> None:
    """What is looked at is the page when nothing fades any more; axe reads styles, so nothing need be painted."""
    assert page.evaluate(_FADE), page.url
