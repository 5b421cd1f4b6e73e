"""Our structured data, read and judged by programs and a vocabulary that are not ours (npm, see npm/validate.mjs)."""

from pathlib import Path
from typing import Any

import pytest

from app.core.db import db, transaction
from app.core.publishing import bump
from tests.booking import shop
from tests.client import Shopper
from tests.npm import install, node
from tests.sharing.test_head import picture

PATHS = ("/", "/series", "/series/s5", "/deals", "/deals/d1", "/dealers/west")
OPTIONAL = "(optional)", "gtin"  # what a shop may say of a product and we do not know of a car


@pytest.fixture(scope="module")
def folder() -> Path:
    return install(Path(__file__).parent / "npm", "npm-structured-data")


def judged(folder: Path, pages: dict[str, str]) -> dict[str, Any]:
    return node(folder, "validate.mjs", pages=pages)


def test_other_readers_find_nothing_wrong(app, folder):
    from sqlalchemy import select

    from app.catalog.models import Series

    shop.build()
    with transaction():
        car = db.session.scalars(select(Series)).one()
        car.cover_id, car.intro = picture("c" * 64).id, "<b>一台</b> & 又一台"
        bump()
    shopper = Shopper(app)
    said = judged(folder, {path: shopper.page(path) for path in PATHS})
    assert [said[path]["types"] for path in PATHS] == [
        ["WebSite"],
        ["ItemList"],
        ["Product", "Car", "BreadcrumbList"],
        ["ItemList"],
        ["Product", "Car", "BreadcrumbList"],
        ["AutoDealer", "BreadcrumbList"],
    ]
    wrong = [
        (path, issue["severity"], issue["issueMessage"])
        for path in PATHS
        for issue in said[path]["issues"]
        if not any(word in issue["issueMessage"] for word in OPTIONAL)
    ]
    assert wrong == []
    assert not [path for path in PATHS if said[path]["errors"]]
    unsaid = {issue["issueMessage"] for path in PATHS for issue in said[path]["issues"]}
    assert not {text for text in unsaid if "brand" in text or "sku" in text or "image" in text}


def test_other_readers_do_find_what_is_wrong(folder):
    def page(node: str) -> str:
        return f'<html><script type="application/ld+json">{{"@context":"https://schema.org",{node}}}</script></html>'

    said = judged(
        folder,
        {
            "class": page('"@type":"Automobile","name":"x"'),
            "property": page('"@type":"Car","name":"x","wheelz":4'),
            "range": page('"@type":"Car","name":"x","offers":{"@type":"Brand","name":"y"}'),
            "price": page('"@type":"Product","name":"x","offers":{"@type":"Offer","priceCurrency":"CNY"}'),
        },
    )
    for name, found in said.items():
        assert [issue for issue in found["issues"] if issue["severity"] == "ERROR"], name
