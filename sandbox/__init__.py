"""微信沙箱: a separate program that speaks WeChat's own protocols for development and tests.

It serves OAuth, tokens and tickets, the JS bridge under the original JS-SDK, WeChat Pay v3 (orders, queries,
closes, refunds, signed and encrypted notices) and Tencent Cloud text messages, over real HTTP with real
signatures. It never imports the shop and the shop never imports it; they meet in `shop.env` only.
Start it with `python -m sandbox`.
"""
