"""到访: which code in which store brought somebody, for seven days; opaque, and nothing personal in it."""
