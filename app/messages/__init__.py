"""消息: event push from WeChat, customer messages, subscription notices, and the list in 我的."""
