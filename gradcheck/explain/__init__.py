"""From "disagrees" to where (census), why (a proved diagnosis), and the smallest input that shows it (witness)."""
