"""Sweeps of the coupons."""

from flask import Flask

from app.core import clock, jobs
from app.core.security import SYSTEM
from app.coupons.services import (
    draw_money,
    draw_office,
    draw_prizes,
    giving_runs,
    reminders,
    shake,
    state,
    ways,
    wish_groups,
)


def register(app: Flask) -> None:
    """Called once by the factory."""
    jobs.register(app, "expire_coupons", 60, lambda: state.expire_due(SYSTEM, clock.now()))
    jobs.register(app, "give_lists", 5, lambda: giving_runs.work_off(clock.now()))
    jobs.register(app, "remind_coupons", 600, lambda: reminders.remind_due(clock.now()))
    jobs.register(app, "purge_claim_tries", 3600, lambda: ways.purge_tries(clock.now()))
    jobs.register(app, "purge_shakes", 3600, lambda: shake.purge_tries(clock.now()))
    jobs.register(app, "tell_wishers", 30, lambda: wish_groups.tell_due(clock.now()))
    jobs.register(app, "close_draws", 10, lambda: draw_office.close_due(app.extensions["pay"], clock.now()))
    jobs.register(
        app, "close_draw_orders", 60, lambda: draw_money.close_idle_orders(app.extensions["pay"], clock.now())
    )
    jobs.register(app, "return_draw_fees", 15, lambda: draw_money.return_fees(clock.now()))
    jobs.register(app, "hand_out_prizes", 15, lambda: draw_prizes.hand_out(clock.now()))
    jobs.register(app, "tell_draw_results", 60, lambda: draw_prizes.tell_results(clock.now()))
