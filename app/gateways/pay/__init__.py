"""微信支付 API v3: orders, queries, closes, refunds and the notices it sends. Called by payments."""
