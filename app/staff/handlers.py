"""What the staff's room tells the members' room."""

from flask import Flask

from app.core import actors
from app.members import privacy
from app.staff import queries, services


def register(_app: Flask) -> None:
    """Called once by the factory: a staff member is a person with a name."""
    actors.register("staff", queries.names_of)
    privacy.register(
        "staff",
        export=queries.export_own,
        erase=services.erase_own,
        reassign=services.reassign_own,
        blocks=services.blocks,
        keeps="门店核销记录保留“由店员核销”这一事实，离岗店员的姓名会去掉。",
    )
