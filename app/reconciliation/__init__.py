"""对账: WeChat Pay's bills against our own payments and refunds, day by day, and the list of what differs.

A line that a query can settle is settled through the payments room; the rest waits for a person. Called by nobody: it
runs at night, by `flask reconcile DATE`, and its report is a page of the back office.
"""
