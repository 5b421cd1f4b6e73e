"""一口价: fixed price for a trim, a number of units, a window, a deposit; one unit for one member at one dealer.

A booking: held → deposit_paid → confirmed → car_ready → handed_over; cancelled, expired, refunding, refunded on the
side. `confirmed` is said only by the dealer. Called by redemption and pages.
"""
