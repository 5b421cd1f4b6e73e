"""The back office's navigation: each room names its own pages, the shell in `templates/admin/base.html` draws them."""

from dataclasses import dataclass

from flask import Flask, current_app

GROUPS = ("概览", "内容", "交易", "资金", "人员", "系统")


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the navigation. `here` is what a page sets to be shown as the current one."""

    group: str
    text: str
    endpoint: str
    here: str


def register(app: Flask, group: str, text: str, endpoint: str, here: str) -> None:
    """Name a page of the back office; called by a room's `admin_views.register(app)`."""
    if group not in GROUPS:
        raise ValueError(f"no group {group} in the back office: {GROUPS}")
    app.extensions.setdefault("backoffice", []).append(Entry(group, text, endpoint, here))


def entries() -> list[tuple[str, list[Entry]]]:
    """Every group that has pages, in the order of GROUPS."""
    known: list[Entry] = current_app.extensions.get("backoffice", [])
    grouped = [(group, [entry for entry in known if entry.group == group]) for group in GROUPS]
    return [(group, members) for group, members in grouped if members]
