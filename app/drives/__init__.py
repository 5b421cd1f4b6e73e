"""试驾: slots of demonstration cars, bookings of them, and the desk where a test drive starts and ends."""
