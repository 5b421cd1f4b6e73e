"""购车费用: landing price 落地价 and loan calculator, from dated rules. Pure reading; nothing here is a quote."""
