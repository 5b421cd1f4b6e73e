"""The read side of the evidence: packs, and what is settled."""
