"""线索: asking the price without giving a number, and leads from their source to their end."""
