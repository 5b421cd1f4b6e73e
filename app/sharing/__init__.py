"""分享: how a page looks outside: share cards, posters, sitemap, structured data."""
