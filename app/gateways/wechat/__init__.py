"""微信公众号: web login, JS-SDK signatures, user-agent hints. Called by members and pages."""
