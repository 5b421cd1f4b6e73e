"""What people do with coupons, by noun. Coupons come into being in `claim` alone and change their state in `state`
(`hold` for bookings)."""
