"""The zoo: seeded wrong layers and tricky-but-correct ones; `gradcheck selftest` proves the judge on them."""
