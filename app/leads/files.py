"""A list as a file that no cache keeps."""

from flask import Response, make_response


def as_file(mark: str, content: str) -> Response:
    """Named after its mark, so that a copy tells where it came from."""
    response = make_response(content)
    response.mimetype = "text/csv"
    response.headers["Content-Disposition"] = f"attachment; filename=leads-{mark}.csv"
    response.headers["Cache-Control"] = "no-store"
    return response
