"""What endpoints answer, rightly and wrongly, as tables: see case.py."""
