"""What a car costs beyond its price: dated rules (`book`), the landing price (`landing`), the loan (`loan`). Pure."""
