"""QR codes as inline SVG, black on the white card that the page gives them."""

import io

import segno
from markupsafe import Markup


def qr_svg(text: str) -> Markup:
    """The text as a QR code: error correction M, quiet zone of four modules, scaled by the style sheet."""
    code = segno.make(text, error="m", micro=False)
    return Markup(code.svg_inline(border=4, scale=1, omitsize=True))  # noqa: S704 (made here, holds no markup of others)


def terminal_qr(text: str) -> str:
    """The text as a QR code for a terminal."""
    out = io.StringIO()
    segno.make(text, error="l", micro=False).terminal(out, compact=True)
    return out.getvalue()
