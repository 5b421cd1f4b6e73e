"""账本: every claim, hold, redemption, undo and refund as a row that carries the hash of the one before.

One chain for each dealer and one (chain 0) for headquarters; written by the rooms above, in their transactions, last.
"""
