"""The zoo: seeded wrong layers and tricky-but-correct ones, as tables: `gradcheck selftest` proves the judge on them."""
