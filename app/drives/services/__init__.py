"""What people do with test drives, by noun; `book` is what other rooms' pages lead to.

Order of locks: member → the cars of a store in the order of their ids → drive → campaign and ledger (the thanks).
"""
