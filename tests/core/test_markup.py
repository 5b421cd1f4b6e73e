"""Attributes of elements as templates give them."""

from app.core.markup import attributes


def test_attributes_are_named_escaped_and_left_out():
    given = {"hx_post": "/x?a=1&b=2", "autofocus": True, "disabled": False, "title": None, "data_n": 0, "alt": '"<'}
    said = ' hx-post="/x?a=1&amp;b=2" autofocus data-n="0" alt="&#34;&lt;"'
    assert attributes(given) == said
