"""From "disagrees" to where (the census), why (a proved diagnosis) and the smallest input that shows it (the witness)."""
