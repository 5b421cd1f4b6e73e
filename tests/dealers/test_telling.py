"""A store's card says how people liked it and what stands in it, wherever the card is shown."""

import pytest

from app.instore.rules import Kind, Stock
from app.instore.services import codes
from app.reviews import services
from app.reviews.rules import SubjectKind
from app.reviews.services import NewReview
from tests.booking import shop as s
from tests.client import Shopper
from tests.instore import codes as own


@pytest.mark.both_databases
def test_a_store_is_shown_with_its_stars_and_the_cars_that_stand_there(app):
    built = s.build()
    for number, stars in ((1, 5), (2, 4)):
        said = NewReview(
            SubjectKind.DRIVE, number, f"T{number}", built.west, "岫 S5", dealer_stars=stars, name="周样例"
        )
        services.write_review(s.member(f"1390000000{number}"), said, s.NOW)
    manager = own.manager(built.west)
    own.code(manager, stock=Stock.READY)
    own.code(manager, stock=Stock.DISPLAY)
    own.code(manager, Kind.DESK, trim_slug="")
    retired = own.code(manager, stock=Stock.READY)
    codes.retire_code(manager, retired.id, "已交付", s.NOW)
    http = Shopper(app).http
    for address in ("/dealers?city=杭州市", "/dealers/nearby?lat=30.2&lng=120.1", "/dealers/mine?lat=30.2&lng=120.1"):
        page = http.get(address).text
        assert "★4.5（2）" in page, address
        assert "现车 1 辆" in page, address
    assert "★" not in http.get("/dealers?city=上海市").text  # nobody said anything of that store
