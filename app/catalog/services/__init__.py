"""What the back office changes in the catalog: `prices`, `pictures`."""
