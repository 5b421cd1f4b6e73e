"""How long things last. Pure."""

from datetime import timedelta

HOLD = timedelta(minutes=15)
EXPIRY_PATIENCE = timedelta(seconds=3)  # a notice on its way at the last second is usually here by then
EXTENSION = timedelta(minutes=10)  # one, asked for while the hold still runs
OFFER = timedelta(hours=24)  # a released unit is kept this long for the next person in the queue
