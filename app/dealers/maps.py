"""Links that open a store in a map: each provider with its own order and coordinate system."""

from urllib.parse import urlencode

from app.dealers.geo import gcj02_to_bd09

SOURCE = "zhanting"


def amap(lat: float, lng: float, name: str) -> str:
    """AMap: longitude first, GCJ-02."""
    return "https://uri.amap.com/marker?" + urlencode(
        {"position": f"{lng:.6f},{lat:.6f}", "name": name, "src": SOURCE, "coordinate": "gaode", "callnative": "1"}
    )


def tencent(lat: float, lng: float, name: str, address: str = "") -> str:
    """Tencent: latitude first, GCJ-02 (coord_type 2)."""
    marker = f"coord:{lat:.6f},{lng:.6f};title:{_plain(name)};addr:{_plain(address)}"
    return "https://apis.map.qq.com/uri/v1/marker?" + urlencode(
        {"marker": marker, "coord_type": "2", "referer": SOURCE}
    )


def baidu(lat: float, lng: float, name: str, address: str = "") -> str:
    """Baidu: latitude first, converted to BD-09."""
    place = gcj02_to_bd09(lng, lat)
    return "https://api.map.baidu.com/marker?" + urlencode(
        {
            "location": f"{place.lat:.6f},{place.lng:.6f}",
            "title": name,
            "content": address or name,
            "output": "html",
            "coord_type": "bd09ll",
            "src": f"webapp.{SOURCE}.{SOURCE}",
        }
    )


def _plain(text: str) -> str:
    """Tencent separates the parts of a marker by ; and : so they may not occur inside one."""
    return text.replace(";", " ").replace(":", " ")
