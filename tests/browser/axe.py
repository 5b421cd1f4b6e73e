"""axe on the page that is open: the script goes in once, only what is wrong comes back."""

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

# WCAG 2.2 AA and axe's best practice.
RULES = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"]
# What other colours or sizes alone can break; all other rules read the document, which stays the same.
LOOKS = ["color-contrast", "link-in-text-block", "target-size"]
_SCRIPT = Axe().axe_script
_RUN = "options => axe.run(options).then(found => found.violations)"


def violations(page: Page, rules: list[str] | None = None) -> list[str]:
    """What axe finds by these rules or tags, by all that count without; one line each."""
    if not page.evaluate("typeof window.axe === 'object'"):
        page.evaluate(_SCRIPT)
    options: dict[str, Any] = {"runOnly": rules or RULES, "resultTypes": ["violations"]}
    found = page.evaluate(_RUN, options)
    return [f"{page.url}: {v['id']} {v['nodes'][0]['html'][:160]}" for v in found]
