"""核销: scan → preview → confirm → result, once and only once. Undone by a supervisor, never deleted."""
