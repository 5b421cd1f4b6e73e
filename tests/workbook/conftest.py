"""A folder with a small workbook's pictures, and a function that brings sheets in."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app.workbook import services
from app.workbook.errors import WorkbookRefused
from app.workbook.rules import Plan
from tests.workbook import book


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "handed-in"
    place.mkdir()
    book.draw_pictures(place)
    return place


@pytest.fixture
def bring(app, folder: Path, tmp_path: Path) -> Callable[..., Plan]:
    """Save sheets as a workbook beside the pictures and import it."""

    def run(sheets: book.Sheets, **options) -> Plan:
        return services.import_workbook(
            book.save_xlsx(sheets, folder / "book.xlsx"), book.media_at(tmp_path / "media"), **options
        )

    return run


@pytest.fixture
def refusals(bring) -> Callable[..., list[str]]:
    """Import sheets that must be refused; the problem lines."""

    def run(sheets: book.Sheets, **options) -> list[str]:
        with pytest.raises(WorkbookRefused) as refused:
            bring(sheets, **options)
        return [str(problem) for problem in refused.value.problems]

    return run
