"""How long things last. Pure."""

from datetime import datetime, timedelta

HOLD = timedelta(minutes=15)
EXPIRY_PATIENCE = timedelta(seconds=3)  # a notice on its way at the last second is usually here by then
EXTENSION = timedelta(minutes=10)  # one, asked for while the hold still runs
OFFER = timedelta(hours=24)  # a released unit is kept this long for the next person in the queue
OFFER_WARNING = timedelta(hours=2)  # before its end the person is told once more
HOLDS_PER_ADDRESS = 30  # unpaid holds of one deal; a phone network's address is shared by many people


def offer_end(now: datetime, ends_at: datetime) -> datetime:
    """Until when a unit is kept for the person it is offered to: a day, never past the deal's end."""
    return min(now + OFFER, ends_at)


def worth_warning(offered_at: datetime, offer_until: datetime) -> bool:
    """Whether the offer lasts long enough that a word before its end says something new."""
    return offer_until - offered_at > 2 * OFFER_WARNING


def attempt_end(hold_until: datetime, extended: bool) -> datetime:
    """Until when WeChat Pay may take the money of a hold: an order made before the extension lasts through it."""
    return hold_until if extended else hold_until + EXTENSION
