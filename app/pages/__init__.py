"""页面: 首页, 我的 and other pages that compose several rooms."""
