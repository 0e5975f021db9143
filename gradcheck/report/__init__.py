"""The Report, a frozen record of plain data, and its faces: text, JSON, HTML, JUnit, a figure."""
