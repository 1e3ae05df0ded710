"""Data sets: one reader per kind of source, `open_data` in front, `batches` behind."""
