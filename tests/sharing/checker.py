"""A strict reader of structured data: every node has a known type, the properties that type must have, and no other."""

import json
import re
from typing import Any
from urllib.parse import urlsplit

BLOCK = re.compile(r'<script type="application/ld\+json">(.*?)</script>', re.S)
MONEY = re.compile(r"\d+\.\d{2}")
AVAILABILITY = {f"https://schema.org/{word}" for word in ("InStock", "SoldOut", "PreOrder")}
THING = {"@type", "@id", "name", "url", "description", "image"}
# type: (required, further allowed), from the properties schema.org lists for it
TYPES: dict[str, tuple[set[str], set[str]]] = {
    "Product": (
        {"name", "url", "description", "brand", "sku"},
        THING | {"brand", "manufacturer", "category", "offers", "bodyType", "fuelType", "vehicleSeatingCapacity"},
    ),
    "Car": ({"name", "url"}, THING | {"brand", "sku", "manufacturer", "offers", "bodyType", "fuelType", "category"}
            | {"vehicleSeatingCapacity"}),
    "AggregateOffer": ({"lowPrice", "highPrice", "offerCount", "priceCurrency", "availability", "url"}, set()),
    "Offer": (
        {"price", "priceCurrency", "availability", "url", "priceValidUntil"},
        {"validFrom", "itemCondition"},
    ),
    "Brand": ({"name"}, set()),
    "Organization": ({"name"}, {"url", "logo"}),
    "AutoDealer": ({"name", "url", "telephone", "address"}, THING),
    "PostalAddress": ({"addressCountry", "addressRegion", "addressLocality", "streetAddress"}, set()),
    "BreadcrumbList": ({"itemListElement"}, set()),
    "ItemList": ({"name", "numberOfItems", "itemListElement"}, set()),
    "ListItem": ({"position", "name"}, {"item", "url"}),
    "WebSite": ({"name", "url"}, {"inLanguage", "publisher", "potentialAction"}),
    "SearchAction": ({"target", "query-input"}, set()),
}  # fmt: skip


def read(page: str) -> list[dict[str, Any]]:
    """The checked nodes of a page."""
    nodes: list[dict[str, Any]] = []
    for text in BLOCK.findall(page):
        assert "<" not in text
        content = json.loads(text)
        assert content.pop("@context") == "https://schema.org"
        found = content.get("@graph", [content])
        for node in found:
            check(node)
        nodes += found
    return nodes


def check(node: dict[str, Any]) -> None:
    """Hold one node, and those inside it, to its types."""
    given = node["@type"]
    for kind in [given] if isinstance(given, str) else given:
        required, allowed = TYPES[kind]
        assert required <= node.keys(), f"{kind} lacks {required - node.keys()}"
        assert node.keys() <= required | allowed | {"@type", "@id"}, f"{kind}: {node.keys()}"
    for name in ("url", "item"):
        if name in node:
            parts = urlsplit(node[name])
            assert parts.scheme in {"http", "https"}
            assert parts.netloc
    for picture in node.get("image", []):
        assert urlsplit(picture).netloc, picture
    for name in ("price", "lowPrice", "highPrice"):
        if name in node:
            assert MONEY.fullmatch(node[name]), node[name]
            assert node["priceCurrency"] == "CNY"
            assert node["availability"] in AVAILABILITY
    if "itemListElement" in node:
        assert [row["position"] for row in node["itemListElement"]] == list(range(1, len(node["itemListElement"]) + 1))
        for row in node["itemListElement"]:
            assert ("item" in row) != ("url" in row)
    for value in node.values():
        for inner in value if isinstance(value, list) else [value]:
            if isinstance(inner, dict):
                check(inner)
