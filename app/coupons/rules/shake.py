"""摇一摇: how often, with which chance, how near. Pure: the dice are thrown by who asks."""

TRIES_PER_DAY = 3
ROLL_DIGITS = 3  # one of a thousand


def wins(roll: str, permille: int) -> bool:
    """Whether three random decimal digits win with this chance."""
    return int(roll) < permille


def chance_words(permille: int) -> str:
    """25% or 0.5%, as it is shown before anybody shakes."""
    return f"{permille / 10:g}%"


def too_far_words(store: str, distance: str, most: int) -> str:
    """Where the nearest store is, and how near one must be."""
    return f"最近的适用门店是{store}，约 {distance}，要在 {most} 米内才能摇。到店后再试。"
