"""核心: what every room stands on. Imports no room."""
