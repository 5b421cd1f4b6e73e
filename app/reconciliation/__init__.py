"""对账: our payments against WeChat Pay's bills, order by order, to the fen."""
