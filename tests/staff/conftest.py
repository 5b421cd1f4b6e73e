import pytest

from tests.members.conftest import client, wechat
from tests.staff.people import NOW, dealer, member

__all__ = ["client", "wechat"]


@pytest.fixture
def store(app) -> int:
    return dealer("hz-01", "西湖文三路店")


@pytest.fixture
def person(app) -> int:
    return member()


@pytest.fixture
def now():
    return NOW
