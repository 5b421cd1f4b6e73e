"""存证: what both sides need when they disagree, the dispute pack of one coupon or booking and the settlement's basis.

Reads only; stands above the rooms whose facts it puts together.
"""
