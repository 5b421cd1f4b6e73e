"""The limits: a bare Flask + Jinja page of a given size, and the same with all of the shop's imports.

`BARE_BYTES` is the size of the page, `BARE_IMPORTS=1` also imports what the shop imports.
"""

import os

from flask import Flask, render_template
from jinja2 import DictLoader

PAGE = """<!doctype html><html lang="zh-CN"><head><title>{{ title }}</title></head><body><h1>{{ title }}</h1><ul>
{% for row in rows %}<li class="row"><a href="/series/{{ row.slug }}">{{ row.name }}</a> <b>{{ row.price }}</b></li>
{% endfor %}</ul></body></html>"""
ROW_BYTES = 86

app = Flask(__name__)
# A file of its own would do the same: compiled once, as templates are.
app.jinja_loader = DictLoader({"page.html": PAGE})  # pyright: ignore[reportAttributeAccessIssue]
size = int(os.environ.get("BARE_BYTES", "20000"))
rows = [
    {"slug": f"yx-s{n:04d}", "name": f"岫 S{n:04d} 悦享版", "price": f"{16 + n / 1000:.3f}"}
    for n in range(size // ROW_BYTES)
]

if os.environ.get("BARE_IMPORTS"):
    import app.factory as _factory

    _factory.import_models()
    for _room in _factory.ROOMS:
        for _part in ("views", "admin_views", "cli"):
            try:
                __import__(f"app.{_room}.{_part}")
            except ModuleNotFoundError as exc:
                if not str(exc.name).startswith("app."):
                    raise


@app.get("/")
def page() -> str:
    return render_template("page.html", title="bare", rows=rows)
