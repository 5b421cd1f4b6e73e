"""支付: attempts to pay, what WeChat Pay told us, money back.

An attempt: created → pending → succeeded | closed. A refund: requested → processing → succeeded | closed | abnormal.
Money is believed only from a verified notice or a signed query. What was paid for answers through `Payable`, which the
factory registers, so that "paid" and "booked" are one transaction. Called by booking.
"""
