"""Public pages are the same for everyone, and their headers say so."""

from typing import cast

from flask import Response, request

YEAR = 31536000


def public(response: Response) -> Response:
    """Let browsers ask again each time with an ETag, and shared caches carry a crowd for two seconds."""
    response.headers["Cache-Control"] = "public, max-age=0, must-revalidate, s-maxage=2, stale-while-revalidate=10"
    response.add_etag()
    return cast(Response, response.make_conditional(request))


def forever(response: Response) -> Response:
    """For addresses that change when their content does."""
    response.headers["Cache-Control"] = f"public, max-age={YEAR}, immutable"
    return response
