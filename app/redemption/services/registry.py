"""Every subject the counter knows, in the order in which typed digits are tried."""

from app.redemption.services.bookings import BookingSubject
from app.redemption.services.coupons import CouponSubject
from app.redemption.services.subjects import Subject

SUBJECTS: tuple[Subject, ...] = (BookingSubject(), CouponSubject())
BY_LETTER: dict[str, Subject] = {subject.letter: subject for subject in SUBJECTS}
BY_KIND: dict[str, Subject] = {subject.kind: subject for subject in SUBJECTS}
