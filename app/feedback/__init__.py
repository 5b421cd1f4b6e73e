"""意见反馈: what a visitor tells us about a page, answered in the back office."""
