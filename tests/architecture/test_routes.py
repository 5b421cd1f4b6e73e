"""Every route says who may call it; the list of addresses is a promise, reviewed as a diff."""

import os
from pathlib import Path

import pytest

SNAPSHOT = Path(__file__).with_name("routes.txt")


def listed(app) -> list[str]:
    rows = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        level = getattr(app.view_functions[rule.endpoint], "__access__", None)
        assert level, f"{rule.endpoint}: put @access('public' | 'member' | 'staff' | 'admin' | 'signed') on it"
        methods = ",".join(sorted((rule.methods or set()) - {"HEAD", "OPTIONS"}))
        rows.append(f"{rule.rule:52} {methods:10} {level:7} {rule.endpoint}")
    return sorted(rows)


def test_routes_equal_their_snapshot(app):
    """UPDATE_SNAPSHOTS=1 writes it anew."""
    now = "\n".join(listed(app)) + "\n"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        SNAPSHOT.write_text(now, "utf-8")
    assert now == SNAPSHOT.read_text("utf-8")


def test_get_routes_of_the_staff_and_admin_are_closed_to_strangers(app):
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        level = getattr(app.view_functions[rule.endpoint], "__access__", "")
        if level in {"member", "staff", "admin"} and "GET" in (rule.methods or set()):
            path = rule.rule
            for argument in rule.arguments:
                path = (
                    path.replace(f"<{argument}>", "1")
                    .replace(f"<int:{argument}>", "1")
                    .replace(f"<path:{argument}>", "1")
                )
            answer = client.get(path)
            assert answer.status_code in {302, 303, 401, 403, 404}, f"{path}: {answer.status_code}"


@pytest.mark.parametrize("level", ["public"])
def test_public_pages_set_no_cookie(app, level):
    client = app.test_client()
    for path in ("/", "/series", "/deals", "/dealers"):
        assert "Set-Cookie" not in client.get(path).headers, path


def test_writes_without_a_token_are_refused(app):
    client = app.test_client()
    for rule in app.url_map.iter_rules():
        view = app.view_functions[rule.endpoint]
        level = getattr(view, "__access__", "")
        if "POST" in (rule.methods or set()) and level != "signed" and not rule.arguments:
            # Whose large body is read is decided before a byte of it is: a stranger goes to sign in.
            refused = 303 if hasattr(view, "__most_bytes__") else 419
            assert client.post(rule.rule).status_code == refused, rule.rule
