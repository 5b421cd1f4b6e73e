"""What templates say so often that it is not left to them."""

from collections.abc import Mapping

from markupsafe import Markup, escape


def attributes(given: Mapping[str, object]) -> Markup:
    """The further attributes of an element, with - for _ in their names: True is the bare name, None and False none."""
    said = [
        f" {name.replace('_', '-')}" if value is True else f' {name.replace("_", "-")}="{escape(value)}"'
        for name, value in given.items()
        if value is not None and value is not False
    ]
    return Markup("".join(said))  # noqa: S704 (names are our templates' own, values are escaped)
