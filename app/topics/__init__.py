"""专题: pages assembled from blocks stored as data; the home page is one of them. draft → scheduled → published → ended."""
