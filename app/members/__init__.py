"""会员: a person; the WeChat identity, the verified phone and the consents that hang off it.

States: a member exists from the first completed WeChat login. A snapshot user never becomes one. Called by every room
that needs to know who acts.
"""
