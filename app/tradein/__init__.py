"""置换: what a used car is worth as a range, by a formula kept as data, and the inspection that follows."""
