"""门店: the dealers (4S stores) with their place, hours and services.

Coordinates are stored as GCJ-02 together with the system they came in. Called by booking, staff and pages.
"""
