"""The read side of the catalog. A page takes a fixed number of statements, whatever the number of rows.

`cards` is what lists show, `page` the model page. Other rooms use the names below.
"""

from app.catalog.queries.cards import SHOWN, SeriesCard, find_brand, list_series
from app.catalog.queries.page import SeriesPage, SpecGroup, get_series_page

__all__ = ["SHOWN", "SeriesCard", "SeriesPage", "SpecGroup", "find_brand", "get_series_page", "list_series"]
