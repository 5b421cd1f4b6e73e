"""Who vouches that somebody was there: rooms above register what of theirs may be reviewed on this room's own form."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from app.reviews.errors import NotReviewable
from app.reviews.rules import SubjectKind


@dataclass(frozen=True, slots=True)
class Visit:
    """One visit that may be reviewed. `name` is the member's as the room knows it; `back` the page it belongs to."""

    subject_id: int
    dealer_id: int
    dealer_name: str
    about: str
    name: str
    back: str
    trim_id: int | None = None


class Reviewable(Protocol):
    def find_visit(self, no: str, member_id: int, now: datetime) -> Visit | None:
        """The member's own finished visit of this number; None for anything else."""
        ...


_sources: dict[SubjectKind, Reviewable] = {}


def register(kind: SubjectKind, source: Reviewable) -> None:
    """Let this kind of visit be reviewed at `/me/reviews/new?of=<kind>&no=<number>`."""
    _sources[kind] = source


def get_visit(kind: str, no: str, member_id: int, now: datetime) -> Visit:
    """NotReviewable when nobody vouches for it."""
    source = _sources.get(SubjectKind(kind)) if kind in set(SubjectKind) else None
    visit = source.find_visit(no, member_id, now) if source else None
    if visit is None:
        raise NotReviewable
    return visit
