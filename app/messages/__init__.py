"""消息: what WeChat pushes to us, what we write to people, and what they agreed to get.

A notice always reaches the person's own list (我的 → 消息); it also leaves through WeChat when a consent pays for it.
"""
