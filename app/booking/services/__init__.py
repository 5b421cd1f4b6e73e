"""What is done to bookings: `place`, `pay`, `release` (cancel, expire), `hand_over`; `change` is how a state moves."""
