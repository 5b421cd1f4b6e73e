"""A drive that took place may be reviewed: the reviews' own form asks here whether it did."""

from datetime import datetime

from app.drives.queries.own import find_own
from app.drives.rules import DriveState
from app.reviews.queries import find_review
from app.reviews.rules import SubjectKind
from app.reviews.subjects import Visit


class DriveVisits:
    """Test drives, for `reviews.subjects`."""

    def find_visit(self, no: str, member_id: int, now: datetime) -> Visit | None:
        """The member's own drive that was driven and has ended; None for anything else."""
        drive = find_own(no, member_id)
        if drive is None or drive.state != DriveState.FINISHED or drive.started_at is None or drive.started_at > now:
            return None
        return Visit(
            subject_id=drive.id,
            dealer_id=drive.dealer_id,
            dealer_name=drive.dealer.name,
            about=f"试驾 {drive.car_name}",
            name=drive.contact_name,
            back=f"/me/test-drives/{drive.no}",
            trim_id=drive.car.trim_id,
        )


def is_reviewed(drive_id: int) -> bool:
    """Whether the person has said publicly what the drive was like."""
    return find_review(SubjectKind.DRIVE, drive_id) is not None
