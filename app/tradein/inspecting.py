"""What the inspection of an old car is told of its estimate."""

from app.tradein import queries, services


def find_facts(no: str, member_id: int) -> tuple[str, tuple[tuple[str, str], ...], str]:
    """(name, answers in words, the number typed for the form). EstimateNotFound."""
    row = queries.get_estimate(no, member_id)
    table = queries.find_table(row.table_version)
    return queries.car_name(row), tuple(queries.list_facts(row, table)), row.phone


keep_enquiry = services.keep_enquiry
