"""店员: people who act for exactly one dealer, bound to a member's WeChat identity by an invitation link.

Roles: clerk 店员, supervisor 店长, manager 经销商管理员. Leaving removes at once.
Called by redemption and the rooms' staff pages.
"""
