"""What a page shows: pictures and sentences made from arrays and tables, matplotlib figures and HTML; no files."""
