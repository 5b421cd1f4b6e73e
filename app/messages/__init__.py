"""消息: what WeChat pushes to us, and what we say to people: event push, customer messages, subscription notices, the list in 我的."""
