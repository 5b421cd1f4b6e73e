"""店内: codes that stand in the showroom, the pages they open, their print sheets, and the call for a consultant."""
