"""The read side of the catalog. A page takes a fixed number of statements, whatever the number of rows.

`cards` is what lists show, `lineup` all series in memory, `page` the model page. Other rooms use the names below.
"""

from app.catalog.queries.cards import SHOWN, SeriesCard, find_brand, list_series
from app.catalog.queries.compare import ComparePage, get_compare_page
from app.catalog.queries.lineup import Lineup, LineupSeries, LineupTrim, get_lineup
from app.catalog.queries.page import GonePage, SeriesPage, get_gone_page, get_series_page, list_frames

__all__ = [
    "SHOWN",
    "ComparePage",
    "GonePage",
    "Lineup",
    "LineupSeries",
    "LineupTrim",
    "SeriesCard",
    "SeriesPage",
    "find_brand",
    "get_compare_page",
    "get_gone_page",
    "get_lineup",
    "get_series_page",
    "list_frames",
    "list_series",
]
