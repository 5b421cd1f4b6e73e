import pytest

from tests.members.wechat import FakeWeChat


@pytest.fixture
def wechat(app) -> FakeWeChat:
    fake = FakeWeChat()
    app.extensions["wechat"] = fake
    return fake


@pytest.fixture
def client(app, wechat):
    return app.test_client()
