"""到访: which code in which store brought somebody, for seven days; opaque, and nothing personal in it.

A visit is one browser that opened one code's page and ran its script. The browser keeps a signed touch (`session`):
the first and the last visit of a chain that ends after seven days without another. Higher rooms credit the last touch
with what came of it (`services.credit`), in their own transaction.
"""
