"""意见反馈: what a visitor tells us about a page, and what they fill in on a special page; answered in the back office.

open → answered → closed; an answer may be changed, a closed one reopened. `topics` hands in what its forms collect.
"""
