"""试驾: demonstration cars of the stores, their slots, appointments, and the desk where a drive starts and ends.

States: 待到店 booked → 已到店 arrived → 试驾中 driving → 已完成 finished; on the side 未到店 no_show, 已取消 cancelled.
An appointment whose slot no longer stands (store or car closed) stays booked, is marked 待改约 and its person told.
Called by the pages of stores and cars through `/test-drives`, `/test-drives/new` and `/dealers/<slug>/demo-cars`.
"""
