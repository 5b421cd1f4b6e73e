"""The write side of the dealers: `submitting` by a store, `reviewing` by headquarters."""
