"""专题: pages made of blocks stored as data; the home page is one. draft → scheduled → published → ended."""
