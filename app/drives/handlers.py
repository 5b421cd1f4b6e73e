"""What the test drives tell the rooms below."""

from flask import Flask

from app.core.config import Settings
from app.drives.queries.own import export_own
from app.drives.queries.reviewing import DriveVisits
from app.drives.services import personal
from app.members import privacy
from app.reviews import subjects
from app.reviews.rules import SubjectKind


def register(app: Flask) -> None:
    """Called once by the factory: a test drive holds a name, a number, a signature and perhaps a photo,
    and one that was driven may be reviewed."""
    settings: Settings = app.config["SETTINGS"]
    subjects.register(SubjectKind.DRIVE, DriveVisits())
    privacy.register(
        "drives",
        export=lambda member_id: export_own(member_id, settings.licence_keys),
        erase=personal.erase_own,
        reassign=personal.reassign_own,
        blocks=personal.blocks,
        hold=personal.hold,
        keeps=personal.KEEPS,
    )
