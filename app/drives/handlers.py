"""What the test drives tell the rooms below."""

from flask import Flask

from app.drives.queries.own import export_own
from app.drives.services import personal
from app.members import privacy


def register(_app: Flask) -> None:
    """Called once by the factory: a test drive holds a name, a number, a signature and perhaps a photo."""
    privacy.register(
        "drives",
        export=export_own,
        erase=personal.erase_own,
        reassign=personal.reassign_own,
        blocks=personal.blocks,
        hold=personal.hold,
        keeps=personal.KEEPS,
    )
