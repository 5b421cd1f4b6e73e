"""What the reconciliation does: compare a day, heal what a query can heal, take a person's word for the rest."""
