"""店内: codes that stand in the showroom, the pages they open, their print sheets, and the call for a consultant.

A store code (店内码) is short, signed and printed on paper; it is reassigned or retired, never deleted. A call
(叫顾问) and a check-in (签到) go waiting → answered → done, or expired, or withdrawn; nobody logs in or is named.
"""
